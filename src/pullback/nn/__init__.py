"""Networks: modules, layers, losses and first values.

>>> from pullback import nn
>>> model = nn.Sequential(nn.Flatten(), nn.MLP(64, 32, 10, rng=0))
>>> loss = nn.CrossEntropyLoss()
"""

from pullback.core.habits import namespace
from pullback.functions.attention import scaled_dot_product_attention as scaled_dot_product_attention
from pullback.functions.convolutions import conv1d as conv1d
from pullback.functions.convolutions import conv2d as conv2d
from pullback.functions.convolutions import conv3d as conv3d
from pullback.functions.convolutions import conv_transpose1d as conv_transpose1d
from pullback.functions.convolutions import conv_transpose2d as conv_transpose2d
from pullback.functions.normalization import batch_norm as batch_norm
from pullback.functions.normalization import group_norm as group_norm
from pullback.functions.normalization import instance_norm as instance_norm
from pullback.functions.normalization import layer_norm as layer_norm
from pullback.functions.normalization import rms_norm as rms_norm
from pullback.functions.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from pullback.functions.pooling import adaptive_max_pool2d as adaptive_max_pool2d
from pullback.functions.pooling import avg_pool1d as avg_pool1d
from pullback.functions.pooling import avg_pool2d as avg_pool2d
from pullback.functions.pooling import global_avg_pool as global_avg_pool
from pullback.functions.pooling import max_pool1d as max_pool1d
from pullback.functions.pooling import max_pool2d as max_pool2d
from pullback.functions.positions import rotary as rotary
from pullback.functions.positions import sinusoidal_positions as sinusoidal_positions
from pullback.functions.resizing import pixel_shuffle as pixel_shuffle
from pullback.functions.resizing import upsample as upsample
from pullback.nn import init as init
from pullback.nn.activations import CELU as CELU
from pullback.nn.activations import ELU as ELU
from pullback.nn.activations import GELU as GELU
from pullback.nn.activations import GLU as GLU
from pullback.nn.activations import SELU as SELU
from pullback.nn.activations import Hardsigmoid as Hardsigmoid
from pullback.nn.activations import Hardswish as Hardswish
from pullback.nn.activations import Hardtanh as Hardtanh
from pullback.nn.activations import Identity as Identity
from pullback.nn.activations import LeakyReLU as LeakyReLU
from pullback.nn.activations import LogSoftmax as LogSoftmax
from pullback.nn.activations import Mish as Mish
from pullback.nn.activations import PReLU as PReLU
from pullback.nn.activations import ReLU as ReLU
from pullback.nn.activations import ReLU6 as ReLU6
from pullback.nn.activations import Sigmoid as Sigmoid
from pullback.nn.activations import SiLU as SiLU
from pullback.nn.activations import Softmax as Softmax
from pullback.nn.activations import Softplus as Softplus
from pullback.nn.activations import Softsign as Softsign
from pullback.nn.activations import Tanh as Tanh
from pullback.nn.attention import MultiHeadAttention as MultiHeadAttention
from pullback.nn.bilinear import Bilinear as Bilinear
from pullback.nn.calling import functional_call as functional_call
from pullback.nn.cells import GRUCell as GRUCell
from pullback.nn.cells import LSTMCell as LSTMCell
from pullback.nn.cells import RNNCell as RNNCell
from pullback.nn.collections import ModuleDict as ModuleDict
from pullback.nn.collections import ModuleList as ModuleList
from pullback.nn.containers import MLP as MLP
from pullback.nn.containers import Sequential as Sequential
from pullback.nn.convolution import Conv1d as Conv1d
from pullback.nn.convolution import Conv2d as Conv2d
from pullback.nn.convolution import Conv3d as Conv3d
from pullback.nn.convolution import ConvTranspose1d as ConvTranspose1d
from pullback.nn.convolution import ConvTranspose2d as ConvTranspose2d
from pullback.nn.dropout import Dropout as Dropout
from pullback.nn.dropout import Dropout2d as Dropout2d
from pullback.nn.embeddings import Embedding as Embedding
from pullback.nn.flatten import Flatten as Flatten
from pullback.nn.flatten import Unflatten as Unflatten
from pullback.nn.linear import Linear as Linear
from pullback.nn.losses import BCELoss as BCELoss
from pullback.nn.losses import BCEWithLogitsLoss as BCEWithLogitsLoss
from pullback.nn.losses import CrossEntropyLoss as CrossEntropyLoss
from pullback.nn.losses import L1Loss as L1Loss
from pullback.nn.losses import MSELoss as MSELoss
from pullback.nn.module import Module as Module
from pullback.nn.normalization import BatchNorm1d as BatchNorm1d
from pullback.nn.normalization import BatchNorm2d as BatchNorm2d
from pullback.nn.normalization import GroupNorm as GroupNorm
from pullback.nn.normalization import InstanceNorm2d as InstanceNorm2d
from pullback.nn.normalization import LayerNorm as LayerNorm
from pullback.nn.normalization import RMSNorm as RMSNorm
from pullback.nn.parameter import Parameter as Parameter
from pullback.nn.pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from pullback.nn.pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from pullback.nn.pooling import AvgPool1d as AvgPool1d
from pullback.nn.pooling import AvgPool2d as AvgPool2d
from pullback.nn.pooling import GlobalAvgPool as GlobalAvgPool
from pullback.nn.pooling import MaxPool1d as MaxPool1d
from pullback.nn.pooling import MaxPool2d as MaxPool2d
from pullback.nn.positions import RotaryPositions as RotaryPositions
from pullback.nn.positions import SinusoidalPositions as SinusoidalPositions
from pullback.nn.recurrent import GRU as GRU
from pullback.nn.recurrent import LSTM as LSTM
from pullback.nn.recurrent import RNN as RNN
from pullback.nn.reparametrization import weight_norm as weight_norm
from pullback.nn.resizing import PixelShuffle as PixelShuffle
from pullback.nn.resizing import Upsample as Upsample
from pullback.nn.transformer import TransformerDecoderLayer as TransformerDecoderLayer
from pullback.nn.transformer import TransformerEncoderLayer as TransformerEncoderLayer
from pullback.nn.wrappers import Lambda as Lambda
from pullback.nn.wrappers import Residual as Residual
from pullback.ops.rows import embedding as embedding

__getattr__, __dir__ = namespace(__name__, "init")
