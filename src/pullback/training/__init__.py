"""Training: a trainer for any model, callbacks, checkpoints from which a run goes on bit for bit, and recipes.

>>> import tempfile
>>> from pullback.training.resuming import loop_for
>>> from pullback.training.settings import layered
>>> settings = layered({"hidden": (16,), "epochs": 5})
>>> task = task_of(settings)
>>> with tempfile.TemporaryDirectory() as path, Interrupts() as interrupts:
...     loop = loop_for(task, settings, RunFolder.create(f"{path}/run", "digits"))
...     with Progress(0, loop.last, quiet=True) as progress:
...         history = loop.run(progress, interrupts)
>>> history.finished, history.last("test", "accuracy") > 0.5
(True, True)
"""

from pullback.core.habits import namespace
from pullback.training.callback import Callback as Callback
from pullback.training.callbacks import EarlyStopping as EarlyStopping
from pullback.training.callbacks import LowerOnPlateau as LowerOnPlateau
from pullback.training.callbacks import SaveBest as SaveBest
from pullback.training.callbacks import Statistics as Statistics
from pullback.training.callbacks import TensorBoard as TensorBoard
from pullback.training.callbacks import TrainMetrics as TrainMetrics
from pullback.training.data_parallel import DataParallel as DataParallel
from pullback.training.evaluation import Evaluation as Evaluation
from pullback.training.evaluation import classify as classify
from pullback.training.evaluation import evaluate as evaluate
from pullback.training.history import History as History
from pullback.training.interrupts import Interrupts as Interrupts
from pullback.training.looking import Distributions as Distributions
from pullback.training.looking import Samples as Samples
from pullback.training.loop import Loop as Loop
from pullback.training.measurements import Measurement as Measurement
from pullback.training.measurements import MeasurementLog as MeasurementLog
from pullback.training.measurements import read_measurements as read_measurements
from pullback.training.profiled import ProfileSteps as ProfileSteps
from pullback.training.progress import Progress as Progress
from pullback.training.report_page import write_report as write_report
from pullback.training.run_folder import RunFolder as RunFolder
from pullback.training.settings import Settings as Settings
from pullback.training.task import Task as Task
from pullback.training.task import task_of as task_of
from pullback.training.trainer import Trainer as Trainer

__getattr__, __dir__ = namespace(__name__)
