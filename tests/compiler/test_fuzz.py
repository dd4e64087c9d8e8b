"""Random programs and training steps, compiled against interpreted; and whether the search finds what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.fuzzing import check, search
from tests.fuzzing.check import MismatchError
from tests.fuzzing.loops import LOOPS
from tests.fuzzing.operations import OPERATIONS, PRIVATE
from tests.fuzzing.passes import ALL
from tests.fuzzing.search import Findings, attempt, drawn, shrunk
from tests.ops.cases import CASES

from pullback.core.tree import leaves, rebuild

SEED = 0
BATCH = 20


@pytest.mark.parametrize("first", [pytest.param(n, marks=[pytest.mark.long] * (n >= 40)) for n in range(0, 100, BATCH)])
def test_compiled_is_interpreted(first):
    for number in range(first, first + BATCH):
        failure = attempt(SEED, number, Findings())
        assert failure is None, failure.script()


def test_every_operation_is_drawn():
    public = {case.name for case in CASES if not case.name.endswith("_")} - PRIVATE
    assert public | LOOPS == {name for name, _ in OPERATIONS}


def slightly_wrong(f):
    """A function whose numbers are off by a hundred-thousandth."""

    def wrong(*args):
        result = f(*args)
        off = [x * (1 + 1e-5) if x.dtype.kind == "f" else x for x in leaves(result)]
        return rebuild(result, off)

    return wrong


@pytest.fixture
def wrong_results(monkeypatch):
    monkeypatch.setattr(check.pb, "compile", slightly_wrong)
    monkeypatch.setattr(
        check, "MANY", 2 * check.FEW
    )  # the numbers are far enough off to be called wrong after few runs


def float64_programs():
    trials = (drawn(SEED, number)[0] for number in range(24))
    return [trial for trial in trials if "'float64'" in trial.source and "'float32'" not in trial.source]


def test_a_small_error_is_found(wrong_results):
    trials = float64_programs()
    found = sum(search.error_of(trial, ALL) is not None for trial in trials)
    assert found > 0.7 * len(trials) > 3


def test_a_failure_is_made_smaller_and_printed(wrong_results, tmp_path):
    longer = (trial for trial in float64_programs() if len(getattr(trial, "lines", ())) > 5)
    trial = next(trial for trial in longer if search.error_of(trial, ALL) is not None)
    with pytest.raises(MismatchError) as failure:
        check.check(trial)
    small = shrunk(search.Failure(0, ALL, trial, failure.value))
    assert len(small.trial.lines) <= 1
    script = tmp_path / "reproduction.py"
    script.write_text(small.script())
    printed = subprocess.run([sys.executable, script], check=True, capture_output=True, text=True).stdout
    assert printed.count("interpreted") == printed.count("compiled") == check.CALLS


def test_what_hangs_on_a_last_bit_is_not_compared():
    source = """
def build():
    def f(x):
        return pb.floor(pb.exp(pb.log(x))), pb.log(x)
    return f, lambda call: None, list
def arguments(call):
    return [np.arange(2.0, 6.0)]
"""
    trial = type("Trial", (), {"source": source})
    expected = check.run(trial)
    samples = [check.run(trial, noise=check.Noise(i)) for i in range(check.MANY)]
    rounded, smooth = "result 0 of call 3", "result 1 of call 3"
    assert check.excess(rounded, expected[rounded], expected[rounded] - 1, samples)[0] <= 1
    assert check.excess(smooth, expected[smooth], expected[smooth] + 1e-15, samples)[0] <= 1
    assert check.excess(smooth, expected[smooth], expected[smooth] + 1e-12, samples)[0] > 1
