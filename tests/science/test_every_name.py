"""Every public name of the scientific modules: values, both modes, second order, batched, compiled.

A few of the subjects run always, and all of them where long tests do.
"""

from __future__ import annotations

import inspect

import pytest
from tests.science.subject import CHECKS
from tests.science.subjects import SUBJECTS

import pullback as pb

MODULES = ("linalg", "fft", "special", "stats", "interpolate", "integrate", "optimize")
# What `test_stats.py` tests alone: its derivative is of an expectation, and no difference of its values.
ALONE = {"stats.surrogate"}
SOME = SUBJECTS[::79]

pytestmark = pytest.mark.filterwarnings("ignore:.*vectors of equal values")


def test_every_public_name_is_a_subject():
    for module in MODULES:
        of = getattr(pb, module)
        names = {f"{module}.{name}" for name in dir(of) if not inspect.isclass(getattr(of, name))}
        assert names - {".".join(subject.name.split()[0].split(".")[:2]) for subject in SUBJECTS} <= ALONE


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("subject", SOME, ids=repr)
def test_some(subject, check):
    checked, order = CHECKS[check]
    if subject.order >= order:
        checked(subject)


@pytest.mark.long
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("module", MODULES)
def test_all(module, check):
    checked, order = CHECKS[check]
    wrong = []
    for subject in SUBJECTS:
        if subject.order >= order and subject.name.startswith(f"{module}."):
            try:
                checked(subject)
            except Exception as error:  # noqa: BLE001  # all that is wrong is told at once
                wrong.append(f"{subject.name}: {type(error).__name__}: {error}")
    assert not wrong, "\n\n".join([f"{len(wrong)} of {module} are wrong", *wrong])
