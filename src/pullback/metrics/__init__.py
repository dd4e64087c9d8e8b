"""Metrics that add up over batches exactly: the value does not depend on how samples were divided, nor on their order.

>>> import pullback as pb
>>> accuracy = pb.metrics.Accuracy()
>>> for scores, labels in [([[2.0, 1.0]], [0]), ([[0.0, 3.0], [1.0, 0.0]], [1, 1])]:
...     accuracy.update(scores, labels)
>>> round(accuracy.compute(), 4)
0.6667
"""

from pullback.core.habits import namespace
from pullback.metrics.classification import F1 as F1
from pullback.metrics.classification import Accuracy as Accuracy
from pullback.metrics.classification import ConfusionMatrix as ConfusionMatrix
from pullback.metrics.classification import Precision as Precision
from pullback.metrics.classification import Recall as Recall
from pullback.metrics.classification import TopK as TopK
from pullback.metrics.metric import Metric as Metric
from pullback.metrics.ranking import AUROC as AUROC
from pullback.metrics.regression import MSE as MSE
from pullback.metrics.regression import R2 as R2
from pullback.metrics.regression import Mean as Mean
from pullback.metrics.regression import Perplexity as Perplexity

__getattr__, __dir__ = namespace(__name__)
