"""Training: settings, the loop, metrics, checkpoints from which a run goes on bit for bit, and pictures.

>>> import tempfile
>>> from pullback.data import digits
>>> settings = Settings(hidden=(16,), epochs=5)
>>> learner = Learner(settings, digits())
>>> with tempfile.TemporaryDirectory() as path, Interrupts() as interrupts:
...     loop = Loop(learner, RunFolder.create(f"{path}/run", settings))
...     with Progress(learner.step, learner.last, quiet=True) as progress:
...         loop.run(progress, interrupts)
True
>>> result = evaluate(learner.network, *learner.data.test.arrays)
>>> result.accuracy > 0.5
True
"""

from pullback.training.evaluation import Evaluation as Evaluation
from pullback.training.evaluation import classify as classify
from pullback.training.evaluation import evaluate as evaluate
from pullback.training.interrupts import Interrupts as Interrupts
from pullback.training.learner import Learner as Learner
from pullback.training.loop import Loop as Loop
from pullback.training.measurements import Measurement as Measurement
from pullback.training.measurements import MeasurementLog as MeasurementLog
from pullback.training.measurements import read_measurements as read_measurements
from pullback.training.progress import Progress as Progress
from pullback.training.run_folder import RunFolder as RunFolder
from pullback.training.settings import Settings as Settings
