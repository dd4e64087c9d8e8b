"""detect_anomaly: the first op whose value or derivative is not finite, with the user's file and line."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb


def leaf(value):
    return pb.tensor(value, requires_grad=True)


def here():
    """The place of the caller's line, as errors write it."""
    frame = inspect.currentframe().f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_name}"


def raised(work):
    with np.errstate(all="ignore"), pb.detect_anomaly(), pytest.raises(pb.NotFiniteError) as found:
        work()
    return found.value


def test_the_first_value_and_its_line():
    place = []

    def work():
        x = leaf([-1.0, 4.0])
        y = x * 2
        _, z = place.append(here()), pb.log(y)
        pb.sqrt(z).sum().backward()

    error = raised(work)
    assert error.what == "log: the value is not finite"
    assert error.facts["line"] == place[0]
    assert "[-2, 8]" in error.facts["operands"]
    assert "pb.where" in error.facts["fix"]


def test_the_first_derivative_and_the_line_of_its_op():
    place = []

    def work():
        x = leaf([1.0, 4.0])
        y = x - 1
        _, z = place.append(here()), pb.sqrt(y)
        loss = (z * 3).sum()
        loss.backward()

    error = raised(work)
    assert error.what == "sqrt: the derivative is not finite"
    assert error.facts["line"] == place[0]
    assert error.facts["operands"] == "(2,) in [0, 3]"
    assert error.facts["cotangent"] == "(2,) in [3, 3]"


OPERATIONS = {
    "divide": lambda: leaf([1.0, 2.0]) / np.array([0.0, 1.0]), "log": lambda: np.log(leaf(-1.0) * 1),
    "exp": lambda: pb.exp(leaf(1000.0)), "power": lambda: leaf(0.0) ** -1.0, "arcsin": lambda: pb.arcsin(leaf(2.0)),
    "multiply": lambda: leaf(np.inf) * 0.0, "matmul": lambda: leaf([[1e200]]) @ leaf([[1e200]]),
    "sum": lambda: leaf([1e308, 1e308]).sum(), "getitem": lambda: leaf([np.nan, 1.0])[0],
    "astype": lambda: leaf(1e300).astype(np.float32),
}  # fmt: skip


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_kind_of_operation_is_watched(name):
    error = raised(OPERATIONS[name])
    assert error.what == f"{name}: the value is not finite"
    assert "test_anomaly.py" in error.facts["line"]


def test_inside_transforms():
    for work in (
        lambda: pb.grad(lambda x: pb.log(x))(-1.0),
        lambda: pb.grad(lambda x: pb.sqrt(x))(0.0),
        lambda: pb.vjp(pb.sqrt, 0.0)[1](1.0),
        lambda: pb.jacobian(lambda x: pb.sqrt(x))(np.zeros(2)),
        lambda: pb.checkpoint(lambda x: pb.log(x))(leaf(-1.0)),
        lambda: pb.checkpoint(lambda x: pb.sqrt(x))(leaf(0.0)).backward(),
    ):
        error = raised(work)
        assert error.what.split(":")[0] in ("log", "sqrt")
        assert "test_anomaly.py" in error.facts["line"]


def test_forward_mode():
    error = raised(lambda: pb.jvp(lambda x: pb.sqrt(x) * 2, (0.0,), (1.0,)))
    assert error.what == "sqrt: the derivative is not finite"
    assert error.facts["tangent"] == "() in [1, 1]"


def test_the_second_derivative():
    error = raised(lambda: pb.grad(pb.grad(lambda x: x**1.5))(0.0))
    assert "the derivative is not finite" in error.what


def test_finite_work_goes_through_and_is_the_same():
    x, again = leaf([0.5, 2.0]), leaf([0.5, 2.0])
    with pb.detect_anomaly():
        pb.where(x > 1, pb.log(x), x * x).sum().backward()
    pb.where(again > 1, pb.log(again), again * again).sum().backward()
    assert x.grad.tolist() == again.grad.tolist()


def test_a_branch_that_is_not_taken_may_have_an_infinite_slope():
    x = leaf(0.0)
    with pb.detect_anomaly():
        pb.where(x > 1, pb.sqrt(x), x).backward()
    assert x.grad.item() == 1.0


def test_an_infinite_cotangent_from_outside_is_not_blamed_on_an_op():
    x = leaf([1.0, 2.0])
    with pb.detect_anomaly():
        (x * 2).backward(np.array([np.inf, 1.0]))
    assert x.grad.tolist() == [np.inf, 2.0]


def test_a_graph_from_outside_says_that_its_line_is_not_known():
    y = pb.sqrt(leaf(0.0))
    error = raised(y.backward)
    assert error.facts["line"] == "recorded outside detect_anomaly"


def test_integers_and_constants_are_none_of_its_business():
    with pb.detect_anomaly(), np.errstate(all="ignore"):
        assert np.isnan(pb.log(pb.tensor(-1.0)).item())
        leaf([1.0, np.nan])  # made, not computed
        assert (leaf([1.0, 2.0]).argmax() + 1).item() == 2


def test_it_ends():
    with pb.detect_anomaly():
        pass
    with np.errstate(invalid="ignore"):
        assert np.isnan((pb.log(leaf(-1.0)) * 2).item())


def test_it_is_an_arithmetic_error():
    with pytest.raises(ArithmeticError), np.errstate(all="ignore"), pb.detect_anomaly():
        pb.log(leaf(-1.0))


def test_the_line_named_is_the_user_s_where_numpy_is_reached_by_a_link(tmp_path):
    linked = tmp_path / "linked"
    linked.symlink_to(Path(np.__file__).resolve().parent.parent, target_is_directory=True)
    script = tmp_path / "script.py"
    script.write_text(
        "import pullback as pb\n"
        "x = pb.tensor([1e-200, 1.0], requires_grad=True)\n"
        "with pb.detect_anomaly():\n"
        "    g = pb.gradients(pb.log(x).sum(), [x], create_graph=True)[x]\n"
        "    pb.gradients(g.sum(), [x])\n"
    )
    source = str(Path(pb.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(linked), source])}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    assert f"{script}:4 in <module>" in done.stderr.split("NotFiniteError")[-1]
