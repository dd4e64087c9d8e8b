"""Every public function of the scientific modules as a subject: arguments to be tracked, and its twin.

Rows of `tests/linalg`, `tests/fft` and `tests/special` are taken as they are; distributions and solvers stand in files
of their own beside this one. What a subject promises, `test_every_name.py` checks.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np
import scipy.fft
import scipy.signal
import scipy.special
from tests.fft.cases import CASES as TRANSFORMS
from tests.linalg.cases import CASES as LINALG
from tests.linalg.test_complex import CASES as OF_COMPLEX
from tests.science.distributions import DISTRIBUTIONS
from tests.science.solvers import SOLVERS
from tests.science.subject import Subject
from tests.special.cases import CASES as SPECIAL

from pullback import fft, special

A: Final = np.array([[0.3, 0.2, -0.8], [1.0, -0.5, 0.4]])


def _of_linalg() -> list[Subject]:
    real = [Subject(f"linalg.{c!r}", c.f, c.args, c.twin, c.order) for c in LINALG]
    return real + [
        Subject(f"linalg.{name} of complex numbers", c.f, c.args, c.twin, 1 if name.startswith("cond -2") else 2)
        for name, c in OF_COMPLEX.items()
    ]


def _of_fft() -> list[Subject]:
    x, y = np.array([0.3, -1.0, 0.7, 0.2]), np.array([1.0 + 0.5j, -0.4 + 0.2j])
    of_rows = [Subject(f"fft.{c!r}", c.f, (c.x,), c.twin) for c in TRANSFORMS]
    frequencies = [
        Subject(f"fft.{name}", lambda d, name=name: getattr(fft, name)(5, d), (np.array(0.3),),
                lambda d, name=name: getattr(np.fft, name)(5, d))
        for name in ("fftfreq", "rfftfreq")
    ]  # fmt: skip
    convolved = [
        Subject(f"fft.fftconvolve of {given[1].dtype} {mode}", lambda x, y, mode=mode: fft.fftconvolve(x, y, mode),
                given, lambda x, y, mode=mode: scipy.signal.fftconvolve(x, y, mode))
        for mode in ("full", "same", "valid") for given in ((x, x[1:3]), (x, y))
    ]  # fmt: skip
    return of_rows + frequencies + convolved


def _of_special() -> list[Subject]:
    def row(case: Any) -> Subject:
        columns = [np.array(column) for column in zip(*case.points, strict=True)]

        def among(f: Any, xs: Any) -> Any:
            moving = dict(zip(case.by, xs, strict=True))
            return f(*(moving.get(i, x) for i, x in enumerate(columns)), *case.fixed)

        theirs = getattr(scipy.special, case.name, np.sinc)
        if case.name == "lambertw":
            theirs = lambda x: scipy.special.lambertw(x).real  # noqa: E731  # of the real branch
        ours = getattr(special, case.name)
        moving = tuple(columns[i].astype(float) for i in case.by)
        return Subject(f"special.{case.name} of {case.points[0]}", lambda *xs: among(ours, xs), moving,
                       lambda *xs: among(theirs, xs))  # fmt: skip

    return [
        *map(row, SPECIAL),
        *(Subject(f"special.{name} over {axis}", partial(getattr(special, name), axis=axis), (x,),
                  partial(getattr(scipy.special, name), axis=axis))
          for name in ("softmax", "log_softmax", "logsumexp") for axis in (None, 1)
          for x in ((A, A + 0.3j * A**2) if name == "logsumexp" else (A,))),
        Subject("special.logsumexp weighted", lambda x, w: special.logsumexp(x, 0, w), (A, A**2 + 0.1),
                lambda x, w: scipy.special.logsumexp(x, 0, w)),
        Subject("special.polygamma", lambda x: special.polygamma(2, x), (A**2 + 0.5,),
                lambda x: scipy.special.polygamma(2, x)),
        Subject("special.gammasgn", special.gammasgn, (A,), scipy.special.gammasgn, 0),
    ]  # fmt: skip


SUBJECTS: Final = (*_of_linalg(), *_of_fft(), *_of_special(), *DISTRIBUTIONS, *SOLVERS)
