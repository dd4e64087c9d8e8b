"""Special functions with derivatives: SciPy's, in every argument that has one.

SciPy's own functions of these names take tensors too, where they are ufuncs. Values are SciPy's; each derivative is
written once, in closed form, or for an order or a shape parameter as an integral or a series that is summed.

>>> import numpy as np
>>> import pullback as pb
>>> pb.grad(pb.special.gammaln)(1.0)  # -0.5772…, Euler's constant
Tensor(-0.57721566)
>>> pb.grad(pb.special.gammainc)(2.0, 1.5)  # by the shape
Tensor(-0.31348864)
"""

from pullback.core.habits import namespace
from pullback.ops.elementwise import erf as erf
from pullback.ops.special import sinc as sinc
from pullback.ops.special_functions.bessel import i0 as i0
from pullback.ops.special_functions.bessel import i0e as i0e
from pullback.ops.special_functions.bessel import i1 as i1
from pullback.ops.special_functions.bessel import i1e as i1e
from pullback.ops.special_functions.bessel import iv as iv
from pullback.ops.special_functions.bessel import ive as ive
from pullback.ops.special_functions.bessel import j0 as j0
from pullback.ops.special_functions.bessel import j1 as j1
from pullback.ops.special_functions.bessel import jv as jv
from pullback.ops.special_functions.bessel import k0 as k0
from pullback.ops.special_functions.bessel import k1 as k1
from pullback.ops.special_functions.bessel import kv as kv
from pullback.ops.special_functions.bessel import y0 as y0
from pullback.ops.special_functions.bessel import y1 as y1
from pullback.ops.special_functions.bessel import yv as yv
from pullback.ops.special_functions.errors_and_normal import entr as entr
from pullback.ops.special_functions.errors_and_normal import erfc as erfc
from pullback.ops.special_functions.errors_and_normal import erfcinv as erfcinv
from pullback.ops.special_functions.errors_and_normal import erfcx as erfcx
from pullback.ops.special_functions.errors_and_normal import erfinv as erfinv
from pullback.ops.special_functions.errors_and_normal import kl_div as kl_div
from pullback.ops.special_functions.errors_and_normal import log_expit as log_expit
from pullback.ops.special_functions.errors_and_normal import log_ndtr as log_ndtr
from pullback.ops.special_functions.errors_and_normal import logit as logit
from pullback.ops.special_functions.errors_and_normal import ndtr as ndtr
from pullback.ops.special_functions.errors_and_normal import ndtri as ndtri
from pullback.ops.special_functions.errors_and_normal import owens_t as owens_t
from pullback.ops.special_functions.errors_and_normal import rel_entr as rel_entr
from pullback.ops.special_functions.errors_and_normal import xlog1py as xlog1py
from pullback.ops.special_functions.errors_and_normal import xlogy as xlogy
from pullback.ops.special_functions.gamma import beta as beta
from pullback.ops.special_functions.gamma import betainc as betainc
from pullback.ops.special_functions.gamma import betaln as betaln
from pullback.ops.special_functions.gamma import digamma as digamma
from pullback.ops.special_functions.gamma import gamma as gamma
from pullback.ops.special_functions.gamma import gammainc as gammainc
from pullback.ops.special_functions.gamma import gammaincc as gammaincc
from pullback.ops.special_functions.gamma import gammaln as gammaln
from pullback.ops.special_functions.gamma import gammasgn as gammasgn
from pullback.ops.special_functions.gamma import rgamma as rgamma
from pullback.ops.special_functions.hypergeometric import ellipe as ellipe
from pullback.ops.special_functions.hypergeometric import ellipk as ellipk
from pullback.ops.special_functions.hypergeometric import hyp1f1 as hyp1f1
from pullback.ops.special_functions.hypergeometric import hyp2f1 as hyp2f1
from pullback.ops.special_functions.hypergeometric import lambertw as lambertw
from pullback.special.compositions import expit as expit
from pullback.special.compositions import jn as jn
from pullback.special.compositions import log_softmax as log_softmax
from pullback.special.compositions import logsumexp as logsumexp
from pullback.special.compositions import multigammaln as multigammaln
from pullback.special.compositions import polygamma as polygamma
from pullback.special.compositions import psi as psi
from pullback.special.compositions import softmax as softmax
from pullback.special.compositions import yn as yn
from pullback.special.compositions import zeta as zeta
from pullback.tensors import tables

__getattr__, __dir__ = namespace(__name__)
tables.SCIPY.update({name: globals()[name] for name in __dir__()})
