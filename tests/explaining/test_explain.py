"""`pb.explain`: each cause that it knows, found in the smallest program that has it, with the line and the repair."""

from __future__ import annotations

import numpy as np
import pytest

import pullback as pb
from pullback.compiler import compile as compiled
from pullback.core.views import html_of


def w(*numbers, dtype=float, name="w"):
    """A leaf."""
    return pb.tensor(np.array(numbers or (1.0, -2.0), dtype), requires_grad=True, name=name)


def without_gradients(x):
    with pb.no_grad():
        h = x * 2
    return (h * 3).sum()


@pb.custom_vjp
def silent(x):
    return x * 2.0


silent.defvjp(lambda x: (silent(x), None), lambda _, ct: (ct * 0,))


@pb.custom_vjp
def broken(x):
    return x * 2.0


broken.defvjp(lambda x: (broken(x), None), lambda _, ct: (ct * np.nan,))

# What is computed of a leaf, the state of its gradient, and of the first finding the operation and a part of the cause.
ZERO = {
    "a dead relu": (lambda x: pb.relu(-abs(x)).sum(), "relu", "dead"),
    "a dead maximum": (lambda x: pb.maximum(-abs(x), 0).sum(), "maximum", "dead"),
    "a maximum that it never is": (lambda x: pb.maximum(x, 9.0).sum(), "maximum", "no say"),
    "a minimum that it never is": (lambda x: pb.minimum(x, -9.0).sum(), "minimum", "no say"),
    "outside of the bounds": (lambda x: pb.clip(x, 5, 6).sum(), "clip", "outside of the bounds"),
    "a bound that is not reached": (lambda x: pb.clip(np.zeros(2), x - 9, 9).sum(), "clip", "at this bound"),
    "a branch that is not taken": (lambda x: pb.where(x > 9, x, 0).sum(), "where", "other branch"),
    "a saturated sigmoid": (lambda x: pb.sigmoid(abs(x) * 1000).sum(), "sigmoid", "saturated"),
    "a saturated tanh": (lambda x: pb.tanh(x * 1000).sum(), "tanh", "saturated"),
    "a saturated erf": (lambda x: pb.erf(x * 1000).sum(), "erf", "saturated"),
    "steps": (lambda x: pb.floor(x).sum(), "floor", "a step"),
    "signs": (lambda x: pb.sign(x).sum(), "sign", "a step"),
    "a mask of 0": (lambda x: (x * np.zeros(2)).sum(), "multiply", "other factor is 0"),
    "weights of 0": (lambda x: (np.zeros((3, 2)) @ x).sum(), "matvec", "other factor is 0"),
    "an index elsewhere": (lambda x: pb.stack([x, x * 0 + 1])[1:, 0:0].sum(), "sum", "no elements"),
    "what is written over": (lambda x: pb.setitem(x * 1, slice(None), 3.0).sum(), "setitem", "written over"),
    "a mean of what others are": (lambda x: pb.concat([x, np.ones(2)])[2:].mean(), "getitem", "not taken"),
    "a maximum of all that it never is": (lambda x: pb.max(pb.concat([x, np.array([9.0])])), "max", "no say"),
    "the power of 0": (lambda x: (x**0.0).sum(), "power", "exponent is 0"),
    "the underflow of exp": (lambda x: pb.exp(-abs(x) * 1000).sum(), "exp", "underflow"),
    "an overflow that a 0 wins over": (lambda x: pb.log(pb.exp(abs(x) * 1000)).sum(), "log", "overflow"),
    "a sum that does not move": (lambda x: pb.softmax(x + np.zeros(2)).sum(), "", "cancel"),
    "a term that undoes another": (lambda x: (x - x).sum(), "subtract", "takes away"),
    "the other part": (lambda x: np.real(1j * x).sum(), "multiply", "real number does not move"),
    "the other part of a cast": (lambda x: np.imag(x.astype(complex)).sum(), "astype", "real number does not move"),
    "a product of several zeros": (lambda x: pb.prod(x * 0), "prod", "several of the numbers are 0"),
    "equal numbers": (lambda x: pb.std(x * 0 + 1), "std", "equal"),
    "sure logits": (lambda x: pb.cross_entropy(pb.stack([abs(x) * 1000, -abs(x) * 1000], axis=1), np.zeros(2, int)),
                    "softmax_cross_entropy", "so sure"),
    "a rule that gives 0": (lambda x: silent(x).sum(), "silent", "its own rule"),
}  # fmt: skip
BAD = {
    "log of 0": (lambda x: pb.log(x - x).sum(), "log", "log of 0"),
    "log of a negative number": (lambda x: pb.log(x).sum() * x[0], "log", "negative"),
    "log1p of -1": (lambda x: pb.log1p(x * 0 - 1 + x - x).sum(), "log1p", "log of 0"),
    "division by 0": (lambda x: (x / (x - x)).sum(), "divide", "division by 0"),
    "a root below 0": (lambda x: pb.sqrt(x).sum(), "sqrt", "negative number"),
    "a power below 0": (lambda x: (x**0.5).sum(), "power", "no such power"),
    "arcsin outside": (lambda x: pb.arcsin(x).sum(), "arcsin", "outside of [-1, 1]"),
    "arccosh outside": (lambda x: pb.arccosh(x).sum(), "arccosh", "outside"),
    "an overflow": (lambda x: pb.exp(x * 1000).sum(), "exp", "overflow: beyond the largest float64"),
    "an overflow, and infinities that meet": (lambda x: (e := pb.exp(x * 1000))[0] / e.sum(), "exp", "overflow"),
    "the mean of nothing": (lambda x: pb.mean(x[:0]) * x[0], "mean", "no elements"),
    "the spread of one": (lambda x: pb.std(x[:1], correction=1) + x[0], "std", "degrees of freedom"),
    "NaN in the data": (lambda x: (x * np.array([np.nan, 1.0])).sum(), "multiply", "NaN in the data"),
    "NaN that constants made": (lambda x: (x * pb.log(pb.tensor([-1.0, 1.0]))).sum(), "log", "negative"),
    "the slope of a root at 0": (lambda x: pb.sqrt(x - x).sum(), "sqrt", "infinite slope"),
    "the slope of a power at 0": (lambda x: ((x - x) ** 0.5).sum(), "power", "infinite slope"),
    "the slope of arcsin at 1": (lambda x: pb.arcsin(x - x + 1).sum(), "arcsin", "infinite slope"),
    "a rule that gives NaN": (lambda x: broken(x).sum(), "broken", "its own rule"),
}  # fmt: skip
NONE = {
    "detached": (lambda x: (x.detach() * 3).sum(), "stop_gradient", "detached"),
    "numpy()": (lambda x: pb.tensor(x.numpy() * 3).sum(), "numpy()", "left the graph"),
    "item()": (lambda x: pb.tensor(2.0) * x.sum().item(), "item()", "left the graph"),
    "tolist()": (lambda x: pb.tensor(x.tolist()).sum(), "tolist()", "left the graph"),
    "no_grad": (without_gradients, "multiply", "within no_grad"),
    "argmax": (lambda x: pb.argmax(x) * 1.0, "argmax", "no derivative"),
    "argsort": (lambda x: pb.argsort(x).sum() * 1.0, "argsort", "no derivative"),
    "what NumPy answers": (lambda x: np.searchsorted(np.arange(3.0), x).sum() * 1.0,
                           "searchsorted", "no derivative"),
    "a comparison": (lambda x: (x > 0).astype(float).mean(), "greater", "a comparison"),
    "a cast": (lambda x: x.astype(int).sum() * 1.0, "astype", "a cast to integers"),
    "unused": (lambda x: pb.tensor(3.0) * 2, "", "unused"),
    "used in vain": (lambda x: (x * 2, pb.tensor(3.0))[1], "multiply", "not part of the loss"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("states", "row"),
    [
        pytest.param(states, row, id=name)
        for states, table in ((("zero", "rounding"), ZERO), (("nan", "infinite"), BAD), (("none",), NONE))
        for name, row in table.items()
    ],
)
def test_a_cause_is_named(states, row):
    f, op, cause = row
    x = w()
    (verdict,) = pb.explain(lambda: f(x), x)
    assert verdict.state in states
    found = verdict.findings[0]
    assert cause in found.cause
    assert op in ("", found.op)
    assert found.fix
    assert found.line == "" or "test_explain.py" in found.line


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [*ZERO, *BAD])
def test_a_loss_that_is_there_already_is_told_the_same(name):
    f, _, cause = (ZERO | BAD)[name]
    x = w()
    loss = f(x)
    before = pb.gradients(loss, wrt=[x], retain_graph=True)[x].numpy()
    (verdict,) = pb.explain(loss, x)
    assert verdict.state != "none"
    if name not in ("NaN that constants made", "an index elsewhere"):  # what is no node, nobody can know afterwards
        assert cause in verdict.findings[0].cause
    np.testing.assert_array_equal(verdict.gradient, before)
    loss.backward()  # its graph is there still


def test_under_ieees_rule_an_infinite_slope_times_0_is_nan():
    x = w()
    with pb.strict_nan():
        (verdict,) = pb.explain(lambda: pb.where(x > 9, pb.sqrt(x - x), x).sum(), x)
    assert (verdict.state, verdict.findings[0].op) == ("nan", "sqrt")
    assert "0·∞" in verdict.findings[0].cause


def test_float16_underflows():
    x = w(1.0, dtype=np.float16)
    (verdict,) = pb.explain(lambda: (x * np.float16(1e-7) * np.float16(1e-7)).sum(), x)
    assert "underflow" in verdict.findings[0].cause


def test_what_came_after_the_loss():
    x = w()
    h = x * 2
    loss = h.sum()
    h += 1.0
    assert "after the loss" in pb.explain(loss, h)[0].findings[0].cause
    late = w()
    assert "after the loss" in pb.explain(loss, late)[0].findings[0].cause


def test_what_has_no_gradients():
    loss = w().sum()
    assert "dtype is int64" in pb.explain(loss, pb.tensor([1, 2]))[0].findings[0].cause
    assert "constant" in pb.explain(loss, pb.tensor([1.0]))[0].findings[0].cause
    assert "no tensor" in pb.explain(loss, [3.0])[0].findings[0].cause
    early = w()
    assert "unused, or was cut off" in pb.explain(w().sum(), early)[0].findings[0].cause


def test_links_say_what_a_loss_was_computed_from_without_derivative():
    x, y = w(), w(name="y")
    loss = (y * (x > 0)).sum()
    assert pb.explain(loss, x)[0].findings[0].op == "greater"


def test_a_gradient_that_is_there():
    x, h = w(1.0, 0.0), None
    h = x * x
    found = pb.explain((h * 3).sum(), [x, h])
    assert [verdict.state for verdict in found] == ["finite", "finite"]
    assert found.well
    assert found["w"].facts["zeros"] == "1 of 2 elements"
    assert "leaves alone" in str(found)
    assert pb.explain((h * 3).sum()).verdicts[0].name == "w"  # all leaves, where none is named


def test_a_loss_that_is_nan_though_the_gradient_is_not():
    x = w()
    (verdict,) = pb.explain(lambda: x.sum() + pb.log(pb.tensor(-1.0)), x)
    assert verdict.state == "finite"
    assert "negative" in verdict.findings[0].cause


def test_a_compiled_step_is_run_once_as_it_is_written_and_put_back():
    model = pb.nn.Sequential(pb.nn.Linear(3, 4, rng=0), pb.nn.ReLU(), pb.nn.Linear(4, 1, rng=1))
    with pb.no_grad():
        model[0].bias -= 100.0
    optimizer = pb.optim.SGD(model.parameters(), lr=0.1)
    x = np.ones((5, 3), np.float32)

    @compiled
    def step(x):
        optimizer.zero_grad()
        loss = (model(x) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(3):
        step(x)
    before = [(p.numpy().copy(), p.grad.numpy().copy()) for p in model.parameters()]
    found = pb.explain(lambda: step(x), model)
    assert [verdict.state for verdict in found] == ["zero", "zero", "zero", "finite"]
    dead, out = found[0].findings[0], found[2].findings[0]
    assert (dead.op, dead.layer) == ("relu", "1: ReLU")
    assert out.cause == "the other factor is 0 everywhere"
    assert "the gradient of 0.weight, 0.bias is 0" in str(found)
    for p, (value, grad) in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.numpy(), value)
        np.testing.assert_array_equal(p.grad.numpy(), grad)


def test_causes_that_stand_behind_others_are_told_too():
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    found = pb.explain(lambda: (pb.floor(pb.relu(-w)) ** 2).sum(), w).findings
    assert [finding.op for finding in found] == ["power", "floor", "relu"]
    assert [finding.op for finding in pb.explain((pb.relu(-w) ** 2).sum()).findings] == ["power", "relu"]
    assert [finding.op for finding in pb.explain((pb.relu(w) * 0).sum()).findings] == ["multiply"]


def test_it_prints_and_is_a_table_in_notebooks():
    x = w()
    found = pb.explain(lambda: pb.relu(x - 9).sum(), x)
    assert repr(found).startswith("the gradient of w is 0\n  gradient  (2,) in [0, 0]\n  op        relu\n  line ")
    html = found._repr_html_()
    assert html is not None
    assert "relu" in html
    assert html_of(3) is None


def test_what_cannot_be_explained():
    x = w()
    with pytest.raises(pb.OptionError, match="neither a tensor nor a function"):
        pb.explain(3.0, x)
    loss = pb.exp(x).sum()
    loss.backward()
    with pytest.raises(pb.GraphError, match="walked before"):
        pb.explain(loss, x)
    with pytest.raises(pb.GraphError, match="several tensors"):
        pb.explain(lambda: (x.sum(), x.mean()), x)
    with pytest.raises(pb.GraphError, match="only a single number"):
        pb.explain(x * 2, x)


def test_modes_and_gradients_are_as_before_even_after_an_error():
    x = w()
    x.grad = np.array([7.0, 7.0])

    def fails():
        (x * 2).sum().backward()
        raise KeyError

    with pytest.raises(KeyError):
        pb.explain(fails, x)
    np.testing.assert_array_equal(x.grad.numpy(), [7.0, 7.0])
    assert pb.explain(lambda: x.sum().backward(), x)[0].state == "finite"
