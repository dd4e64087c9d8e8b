"""Tensors: an array and, unless it is a constant, the node that made it, with all that is done to one.

`tensor.py` has the class, `methods.py` its operators and methods, `writing.py` how it is written to, `backward.py` how
it gets a gradient, `numbers.py` how its numbers leave, `protocols.py` what NumPy's functions do with it.
"""

from pullback.tensors.tensor import Tensor as Tensor
