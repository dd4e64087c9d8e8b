"""Training: settings, the loop, metrics, checkpoints from which a run goes on bit for bit, and pictures."""

from pullback.training.evaluation import Evaluation as Evaluation
from pullback.training.evaluation import classify as classify
from pullback.training.evaluation import evaluate as evaluate
from pullback.training.interrupts import Interrupts as Interrupts
from pullback.training.learner import Learner as Learner
from pullback.training.loop import Loop as Loop
from pullback.training.metrics import Metric as Metric
from pullback.training.metrics import MetricsLog as MetricsLog
from pullback.training.metrics import read_metrics as read_metrics
from pullback.training.progress import Progress as Progress
from pullback.training.run_folder import RunFolder as RunFolder
from pullback.training.settings import Settings as Settings
