"""How many threads an estimator works with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from pullback.core.errors import OptionError
from pullback.core.threads import default_threads, get_threads, set_threads


@contextmanager
def threads(jobs: int | None) -> Iterator[None]:
    """Work with so many threads: those of NumPy's BLAS, and our own."""
    if jobs is None:
        yield
        return
    if not isinstance(jobs, (int, np.integer)) or jobs == 0:
        raise OptionError("n_jobs: whole threads work, at least one", got=repr(jobs), fix="1, or -1 for one a core")
    wanted = jobs if jobs > 0 else max(1, default_threads() + 1 + jobs)
    before = get_threads()
    set_threads(wanted)
    try:
        with threadpool_limits(wanted):
            yield
    finally:
        set_threads(before)
