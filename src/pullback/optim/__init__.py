"""Optimizers: rules that change parameters by their gradients.

>>> import pullback as pb
>>> from pullback.optim import SGD
>>> w = pb.tensor([3.0], requires_grad=True)
>>> optimizer = SGD([w], lr=0.1, momentum=0.9)
>>> for _ in range(200):
...     optimizer.zero_grad()
...     ((w - 1) ** 2).sum().backward()
...     optimizer.step()
>>> print(f"{w.item():.3f}")
1.000
"""

from pullback.core.habits import namespace
from pullback.optim import schedules as schedules
from pullback.optim.adadelta import Adadelta as Adadelta
from pullback.optim.adagrad import Adagrad as Adagrad
from pullback.optim.adam import Adam as Adam
from pullback.optim.adam import AdamW as AdamW
from pullback.optim.adamax import Adamax as Adamax
from pullback.optim.averages import EMA as EMA
from pullback.optim.averages import SWA as SWA
from pullback.optim.averages import WeightAverage as WeightAverage
from pullback.optim.clipping import clip_grad_norm_ as clip_grad_norm_
from pullback.optim.clipping import clip_grad_value_ as clip_grad_value_
from pullback.optim.group import ParameterGroup as ParameterGroup
from pullback.optim.grouping import groups_by_name as groups_by_name
from pullback.optim.lbfgs import LBFGS as LBFGS
from pullback.optim.lion import Lion as Lion
from pullback.optim.muon import Muon as Muon
from pullback.optim.nadam import NAdam as NAdam
from pullback.optim.optimizer import Optimizer as Optimizer
from pullback.optim.plateau import ReduceOnPlateau as ReduceOnPlateau
from pullback.optim.radam import RAdam as RAdam
from pullback.optim.rmsprop import RMSprop as RMSprop
from pullback.optim.scaling import LossScaler as LossScaler
from pullback.optim.schedules import Schedule as Schedule
from pullback.optim.sgd import SGD as SGD

__getattr__, __dir__ = namespace(__name__, "schedules")
