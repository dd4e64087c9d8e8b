"""Networks: modules, layers, losses and first values.

>>> from pullback import nn
>>> model = nn.Sequential(nn.Flatten(), nn.MLP(64, 32, 10, rng=0))
>>> loss = nn.CrossEntropyLoss()
"""

from pullback.core.habits import namespace
from pullback.nn import init as init
from pullback.nn.activations import GELU as GELU
from pullback.nn.activations import Identity as Identity
from pullback.nn.activations import LeakyReLU as LeakyReLU
from pullback.nn.activations import ReLU as ReLU
from pullback.nn.activations import Sigmoid as Sigmoid
from pullback.nn.activations import SiLU as SiLU
from pullback.nn.activations import Softmax as Softmax
from pullback.nn.activations import Softplus as Softplus
from pullback.nn.activations import Tanh as Tanh
from pullback.nn.containers import MLP as MLP
from pullback.nn.containers import Sequential as Sequential
from pullback.nn.dropout import Dropout as Dropout
from pullback.nn.flatten import Flatten as Flatten
from pullback.nn.linear import Linear as Linear
from pullback.nn.losses import BCELoss as BCELoss
from pullback.nn.losses import BCEWithLogitsLoss as BCEWithLogitsLoss
from pullback.nn.losses import CrossEntropyLoss as CrossEntropyLoss
from pullback.nn.losses import L1Loss as L1Loss
from pullback.nn.losses import MSELoss as MSELoss
from pullback.nn.module import Module as Module
from pullback.nn.parameter import Parameter as Parameter

__getattr__, __dir__ = namespace(__name__, "init")
