"""Fourier transforms with derivatives: NumPy's `fft`, and SciPy's cosine and sine transforms and convolution.

Each transform is linear, so it is its own tangent, and its transpose is a transform too. `np.fft.f(t)` of a tensor is
`pb.fft.f(t)`. Single precision stays single: the transform of float32 is complex64, as with NumPy.

>>> import numpy as np
>>> import pullback as pb
>>> def energy_at_2(x):
...     return np.abs(np.fft.rfft(x)[2]) ** 2
>>> pb.grad(energy_at_2)(np.array([1.0, 0.0, 0.0, 0.0]))  # 2·(−1)ⁿ, for the wave of frequency 2
Tensor([ 2., -2.,  2., -2.])
"""

import numpy.fft

from pullback.core.habits import namespace
from pullback.fft.convolution import fftconvolve as fftconvolve
from pullback.fft.frequencies import fftfreq as fftfreq
from pullback.fft.frequencies import fftshift as fftshift
from pullback.fft.frequencies import ifftshift as ifftshift
from pullback.fft.frequencies import rfftfreq as rfftfreq
from pullback.fft.transforms import fft as fft
from pullback.fft.transforms import fft2 as fft2
from pullback.fft.transforms import fftn as fftn
from pullback.fft.transforms import hfft as hfft
from pullback.fft.transforms import ifft as ifft
from pullback.fft.transforms import ifft2 as ifft2
from pullback.fft.transforms import ifftn as ifftn
from pullback.fft.transforms import ihfft as ihfft
from pullback.fft.transforms import irfft as irfft
from pullback.fft.transforms import irfft2 as irfft2
from pullback.fft.transforms import irfftn as irfftn
from pullback.fft.transforms import rfft as rfft
from pullback.fft.transforms import rfft2 as rfft2
from pullback.fft.transforms import rfftn as rfftn
from pullback.fft.waves import dct as dct
from pullback.fft.waves import dctn as dctn
from pullback.fft.waves import dst as dst
from pullback.fft.waves import dstn as dstn
from pullback.fft.waves import idct as idct
from pullback.fft.waves import idctn as idctn
from pullback.fft.waves import idst as idst
from pullback.fft.waves import idstn as idstn
from pullback.tensors import tables

__getattr__, __dir__ = namespace(__name__)
tables.serve_module(numpy.fft, globals())
