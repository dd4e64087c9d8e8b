"""Pullback: differentiate the NumPy you already write, train networks with it, see the graph.

>>> import pullback as pb
>>> import numpy as np
>>> pb.grad(lambda x: np.sin(x) * x)(0.0)
Tensor(0.)
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from pullback.core.errors import AxisError as AxisError
from pullback.core.errors import BroadcastWarning as BroadcastWarning
from pullback.core.errors import CheckpointError as CheckpointError
from pullback.core.errors import DataError as DataError
from pullback.core.errors import DTypeError as DTypeError
from pullback.core.errors import ExpressionError as ExpressionError
from pullback.core.errors import GradientCheckError as GradientCheckError
from pullback.core.errors import GraphError as GraphError
from pullback.core.errors import NoGradientError as NoGradientError
from pullback.core.errors import NotFiniteError as NotFiniteError
from pullback.core.errors import OptionError as OptionError
from pullback.core.errors import PrecisionWarning as PrecisionWarning
from pullback.core.errors import PullbackError as PullbackError
from pullback.core.errors import PullbackWarning as PullbackWarning
from pullback.core.errors import ShapeError as ShapeError
from pullback.core.errors import TraceError as TraceError
from pullback.core.modes import detect_anomaly as detect_anomaly
from pullback.core.modes import enable_grad as enable_grad
from pullback.core.modes import no_grad as no_grad
from pullback.core.modes import strict as strict
from pullback.core.modes import strict_nan as strict_nan
from pullback.functions import random as random
from pullback.functions.activations import gelu as gelu
from pullback.functions.activations import log_softmax as log_softmax
from pullback.functions.activations import silu as silu
from pullback.functions.activations import softmax as softmax
from pullback.functions.creation import arange as arange
from pullback.functions.creation import asarray as asarray
from pullback.functions.creation import empty as empty
from pullback.functions.creation import eye as eye
from pullback.functions.creation import full as full
from pullback.functions.creation import full_like as full_like
from pullback.functions.creation import linspace as linspace
from pullback.functions.creation import one_hot as one_hot
from pullback.functions.creation import ones as ones
from pullback.functions.creation import ones_like as ones_like
from pullback.functions.creation import tensor as tensor
from pullback.functions.creation import zeros as zeros
from pullback.functions.creation import zeros_like as zeros_like
from pullback.functions.losses import binary_cross_entropy as binary_cross_entropy
from pullback.functions.losses import binary_cross_entropy_with_logits as binary_cross_entropy_with_logits
from pullback.functions.losses import cross_entropy as cross_entropy
from pullback.functions.losses import l1_loss as l1_loss
from pullback.functions.losses import mse_loss as mse_loss
from pullback.functions.losses import softmax_cross_entropy as softmax_cross_entropy
from pullback.functions.random import seed as seed
from pullback.ops.contractions import dot as dot
from pullback.ops.contractions import einsum as einsum
from pullback.ops.contractions import linear as linear
from pullback.ops.contractions import matmul as matmul
from pullback.ops.contractions import outer as outer
from pullback.ops.contractions import tensordot as tensordot
from pullback.ops.contractions import trace as trace
from pullback.ops.contractions import vdot as vdot
from pullback.ops.elementwise import abs as abs
from pullback.ops.elementwise import absolute as absolute
from pullback.ops.elementwise import add as add
from pullback.ops.elementwise import arccos as arccos
from pullback.ops.elementwise import arccosh as arccosh
from pullback.ops.elementwise import arcsin as arcsin
from pullback.ops.elementwise import arcsinh as arcsinh
from pullback.ops.elementwise import arctan as arctan
from pullback.ops.elementwise import arctan2 as arctan2
from pullback.ops.elementwise import arctanh as arctanh
from pullback.ops.elementwise import bitwise_and as bitwise_and
from pullback.ops.elementwise import bitwise_or as bitwise_or
from pullback.ops.elementwise import bitwise_xor as bitwise_xor
from pullback.ops.elementwise import cbrt as cbrt
from pullback.ops.elementwise import ceil as ceil
from pullback.ops.elementwise import clip as clip
from pullback.ops.elementwise import cos as cos
from pullback.ops.elementwise import cosh as cosh
from pullback.ops.elementwise import divide as divide
from pullback.ops.elementwise import equal as equal
from pullback.ops.elementwise import erf as erf
from pullback.ops.elementwise import exp as exp
from pullback.ops.elementwise import exp2 as exp2
from pullback.ops.elementwise import expm1 as expm1
from pullback.ops.elementwise import floor as floor
from pullback.ops.elementwise import floor_divide as floor_divide
from pullback.ops.elementwise import greater as greater
from pullback.ops.elementwise import greater_equal as greater_equal
from pullback.ops.elementwise import hypot as hypot
from pullback.ops.elementwise import identity as identity
from pullback.ops.elementwise import invert as invert
from pullback.ops.elementwise import isfinite as isfinite
from pullback.ops.elementwise import isinf as isinf
from pullback.ops.elementwise import isnan as isnan
from pullback.ops.elementwise import leaky_relu as leaky_relu
from pullback.ops.elementwise import less as less
from pullback.ops.elementwise import less_equal as less_equal
from pullback.ops.elementwise import log as log
from pullback.ops.elementwise import log1p as log1p
from pullback.ops.elementwise import log2 as log2
from pullback.ops.elementwise import log10 as log10
from pullback.ops.elementwise import logaddexp as logaddexp
from pullback.ops.elementwise import logical_and as logical_and
from pullback.ops.elementwise import logical_not as logical_not
from pullback.ops.elementwise import logical_or as logical_or
from pullback.ops.elementwise import logical_xor as logical_xor
from pullback.ops.elementwise import maximum as maximum
from pullback.ops.elementwise import minimum as minimum
from pullback.ops.elementwise import mod as mod
from pullback.ops.elementwise import multiply as multiply
from pullback.ops.elementwise import negative as negative
from pullback.ops.elementwise import not_equal as not_equal
from pullback.ops.elementwise import positive as positive
from pullback.ops.elementwise import power as power
from pullback.ops.elementwise import reciprocal as reciprocal
from pullback.ops.elementwise import relu as relu
from pullback.ops.elementwise import rint as rint
from pullback.ops.elementwise import round as round
from pullback.ops.elementwise import sigmoid as sigmoid
from pullback.ops.elementwise import sign as sign
from pullback.ops.elementwise import sin as sin
from pullback.ops.elementwise import sinh as sinh
from pullback.ops.elementwise import softplus as softplus
from pullback.ops.elementwise import sqrt as sqrt
from pullback.ops.elementwise import square as square
from pullback.ops.elementwise import stop_gradient as stop_gradient
from pullback.ops.elementwise import subtract as subtract
from pullback.ops.elementwise import tan as tan
from pullback.ops.elementwise import tanh as tanh
from pullback.ops.elementwise import trunc as trunc
from pullback.ops.elementwise import where as where
from pullback.ops.indexing import atleast_2d as atleast_2d
from pullback.ops.indexing import broadcast_arrays as broadcast_arrays
from pullback.ops.indexing import diag as diag
from pullback.ops.indexing import diagonal as diagonal
from pullback.ops.indexing import getitem as getitem
from pullback.ops.indexing import setitem as setitem
from pullback.ops.indexing import take as take
from pullback.ops.indexing import take_along_axis as take_along_axis
from pullback.ops.movement import astype as astype
from pullback.ops.movement import broadcast_to as broadcast_to
from pullback.ops.movement import concat as concat
from pullback.ops.movement import concatenate as concatenate
from pullback.ops.movement import expand_dims as expand_dims
from pullback.ops.movement import flip as flip
from pullback.ops.movement import matrix_transpose as matrix_transpose
from pullback.ops.movement import moveaxis as moveaxis
from pullback.ops.movement import pad as pad
from pullback.ops.movement import permute_dims as permute_dims
from pullback.ops.movement import ravel as ravel
from pullback.ops.movement import repeat as repeat
from pullback.ops.movement import reshape as reshape
from pullback.ops.movement import roll as roll
from pullback.ops.movement import split as split
from pullback.ops.movement import squeeze as squeeze
from pullback.ops.movement import stack as stack
from pullback.ops.movement import swapaxes as swapaxes
from pullback.ops.movement import tile as tile
from pullback.ops.movement import transpose as transpose
from pullback.ops.movement import tril as tril
from pullback.ops.movement import triu as triu
from pullback.ops.reductions import all as all
from pullback.ops.reductions import any as any
from pullback.ops.reductions import argmax as argmax
from pullback.ops.reductions import argmin as argmin
from pullback.ops.reductions import cumsum as cumsum
from pullback.ops.reductions import logsumexp as logsumexp
from pullback.ops.reductions import max as max
from pullback.ops.reductions import mean as mean
from pullback.ops.reductions import min as min
from pullback.ops.reductions import norm as norm
from pullback.ops.reductions import prod as prod
from pullback.ops.reductions import std as std
from pullback.ops.reductions import sum as sum
from pullback.ops.reductions import var as var
from pullback.tensor import Tensor as Tensor
from pullback.transforms.checkpoint import checkpoint as checkpoint
from pullback.transforms.custom import custom_jvp as custom_jvp
from pullback.transforms.custom import custom_vjp as custom_vjp
from pullback.transforms.forward import jvp as jvp
from pullback.transforms.forward import linearize as linearize
from pullback.transforms.higher_order import hessian as hessian
from pullback.transforms.higher_order import hvp as hvp
from pullback.transforms.higher_order import jacobian as jacobian
from pullback.transforms.reverse import grad as grad
from pullback.transforms.reverse import gradients as gradients
from pullback.transforms.reverse import value_and_grad as value_and_grad
from pullback.transforms.reverse import vjp as vjp

if _TYPE_CHECKING:
    from pullback import data as data
    from pullback import nn as nn
    from pullback import optim as optim
    from pullback import testing as testing
    from pullback.visualize import Graph as Graph
    from pullback.visualize import graph as graph

__version__ = "0.1.0"

# Parts of the house that are loaded when they are first asked for, which keeps `import pullback` quick.
_LATER = {name: f"pullback.{name}" for name in ("data", "interop", "nn", "optim", "testing", "training", "visualize")}
_LATER |= {"Graph": "pullback.visualize", "graph": "pullback.visualize"}


def __getattr__(name: str) -> _Any:
    if name not in _LATER:
        raise AttributeError(f"module 'pullback' has no attribute {name!r}")
    module = _import_module(_LATER[name])
    value = module if module.__name__ == f"pullback.{name}" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(name for name in {*globals(), *_LATER} if not name.startswith("_"))
