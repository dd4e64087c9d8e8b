"""Linear algebra with derivatives: NumPy's `linalg`, and of SciPy's what NumPy lacks, on stacks of matrices.

The last two axes are rows and columns, all others are batches. `np.linalg.f(t)` of a tensor is `pb.linalg.f(t)`.

>>> import numpy as np
>>> import pullback as pb
>>> a = np.array([[2.0, 1.0], [1.0, 3.0]])
>>> pb.grad(lambda a: np.linalg.slogdet(a).logabsdet)(a)  # the inverse, transposed
Tensor([[ 0.6, -0.2],
        [-0.2,  0.4]])
"""

import numpy.linalg

from pullback.core.errors import LinAlgError as LinAlgError
from pullback.core.habits import namespace
from pullback.functions.products import cross as cross
from pullback.functions.products import vecdot as vecdot
from pullback.linalg.factorizations import EighResult as EighResult
from pullback.linalg.factorizations import EigResult as EigResult
from pullback.linalg.factorizations import QRResult as QRResult
from pullback.linalg.factorizations import SlogdetResult as SlogdetResult
from pullback.linalg.factorizations import SVDResult as SVDResult
from pullback.linalg.factorizations import cho_factor as cho_factor
from pullback.linalg.factorizations import cholesky as cholesky
from pullback.linalg.factorizations import det as det
from pullback.linalg.factorizations import eig as eig
from pullback.linalg.factorizations import eigh as eigh
from pullback.linalg.factorizations import eigvals as eigvals
from pullback.linalg.factorizations import eigvalsh as eigvalsh
from pullback.linalg.factorizations import lu_factor as lu_factor
from pullback.linalg.factorizations import qr as qr
from pullback.linalg.factorizations import slogdet as slogdet
from pullback.linalg.factorizations import svd as svd
from pullback.linalg.factorizations import svdvals as svdvals
from pullback.linalg.functions import expm as expm
from pullback.linalg.functions import logm as logm
from pullback.linalg.functions import matrix_power as matrix_power
from pullback.linalg.functions import multi_dot as multi_dot
from pullback.linalg.functions import sqrtm as sqrtm
from pullback.linalg.norms import cond as cond
from pullback.linalg.norms import matrix_norm as matrix_norm
from pullback.linalg.norms import matrix_rank as matrix_rank
from pullback.linalg.norms import norm as norm
from pullback.linalg.norms import vector_norm as vector_norm
from pullback.linalg.structured import block_diag as block_diag
from pullback.linalg.structured import circulant as circulant
from pullback.linalg.structured import diagonal as diagonal
from pullback.linalg.structured import toeplitz as toeplitz
from pullback.linalg.structured import trace as trace
from pullback.linalg.systems import LstsqResult as LstsqResult
from pullback.linalg.systems import cho_solve as cho_solve
from pullback.linalg.systems import inv as inv
from pullback.linalg.systems import lstsq as lstsq
from pullback.linalg.systems import lu_solve as lu_solve
from pullback.linalg.systems import pinv as pinv
from pullback.linalg.systems import solve as solve
from pullback.linalg.systems import solve_banded as solve_banded
from pullback.linalg.systems import solve_sylvester as solve_sylvester
from pullback.linalg.systems import solve_triangular as solve_triangular
from pullback.linalg.systems import tensorinv as tensorinv
from pullback.linalg.systems import tensorsolve as tensorsolve
from pullback.ops.contractions import matmul as matmul
from pullback.ops.contractions import outer as outer
from pullback.ops.contractions import tensordot as tensordot
from pullback.ops.movement import matrix_transpose as matrix_transpose
from pullback.tensors import tables

__getattr__, __dir__ = namespace(__name__)
tables.serve_module(numpy.linalg, globals())
