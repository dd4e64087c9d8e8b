"""Several processes that compute together, on one machine or on many, by MPI: `pip install 'pullback[mpi]'`.

Start them with a launcher: `mpiexec -n 4 python -m mpi4py program.py`, or `pullback train --ranks 4`. A process that
was started alone is a world of one, in which all of this does nothing.

>>> import pullback as pb
>>> pb.parallel.rank(), pb.parallel.size(), pb.parallel.all_reduce(2.0, "sum")
(0, 1, Tensor(2.))
"""

from pullback.core.habits import namespace
from pullback.parallel.collectives import all_reduce as all_reduce
from pullback.parallel.collectives import barrier as barrier
from pullback.parallel.collectives import broadcast as broadcast
from pullback.parallel.collectives import rank as rank
from pullback.parallel.collectives import size as size
from pullback.parallel.cost import Cost as Cost
from pullback.parallel.cost import Measured as Measured
from pullback.parallel.cost import fit_cost as fit_cost

__getattr__, __dir__ = namespace(__name__)
