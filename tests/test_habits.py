"""Names, keywords and slips of those who come from elsewhere: each is answered with Pullback's way, and that runs."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from scripts import coming_from
from tests.test_exported_names import NAMES

import pullback as pb
from pullback import elsewhere, later
from pullback.core.habits import Foreign

ROWS = [(table, row) for table, rows in elsewhere.TABLES.items() for row in rows]
SPELLED = [(table, name, row) for table, row in ROWS for name in row.names.split()]
OWNERS = {
    "pullback": pb, "pullback.nn": pb.nn, "pullback.optim": pb.optim, "pullback.functions.random": pb.random,
    "pullback.data": pb.data, "Tensor": pb.Tensor, "Module": pb.nn.Module,
}  # fmt: skip


def surroundings(path):
    """What a way of the table may name."""
    x = pb.tensor(np.arange(1.0, 7.0).reshape(2, 3))
    w = pb.tensor([1.0, 2.0], requires_grad=True)
    model = pb.nn.Sequential(pb.nn.Linear(3, 2, dtype=float, rng=0))
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    return {
        "pb": pb, "np": np, "scipy": scipy, "path": path, "x": x, "y": x * 2, "a": x.numpy(), "w": w,
        "loss": loss, "model": model, "optimizer": pb.optim.SGD([w], lr=0.1), "mask": x > 2,
        "i": np.zeros((2, 1), int), "logits": pb.zeros((2, 3)), "labels": np.array([0, 2]),
        "f": lambda x: (x * x).sum(), "g": lambda x: x * x, "h": lambda tree: tree["w"] ** 2,
        "h2": lambda u, v: u * v, "h3": lambda u: (u * u, u),
    }  # fmt: skip


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=lambda row: row.names.split()[0])
def test_each_way_runs(row, tmp_path):
    names = surroundings(str(tmp_path / "weights.safetensors"))
    pb.interop.safetensors.save(names["path"], names["model"].state_dict())
    for statement in filter(None, row.here.split("; ")):
        exec(statement, names)
    assert row.here or row.note


def test_a_name_that_stands_in_another_package_is_found():
    for package, name, place in ((pb.nn, "one_hot", "pb.one_hot"), (pb, "Linear", "pb.nn.Linear")):
        with pytest.raises(AttributeError, match=f"fix  {place}"):
            getattr(package, name)


def test_no_name_has_two_rows():
    for table, rows in elsewhere.TABLES.items():
        spelled = [name for row in rows for name in row.names.split()]
        assert table == "keyword" or sorted(spelled) == sorted(set(spelled))


@pytest.mark.parametrize(("table", "name", "row"), [s for s in SPELLED if s[0] != "keyword"])
def test_a_name_from_elsewhere_leads_home(table, name, row):
    owner = OWNERS[table]
    owners = [owner]
    if table == "Tensor":
        owners += [pb.tensor(1.0), pb.nn.Parameter(1.0)]
    if table == "Module":
        owners += [pb.nn.ReLU()]
    for asked in owners:
        assert not hasattr(asked, name)
        with pytest.raises(AttributeError) as raised:
            getattr(asked, name)
        first, fix = str(raised.value).split("\n")
        assert first.endswith(f"has no attribute {name!r}")
        assert fix == f"  fix  {row.way}"
        assert raised.value.name == name


@pytest.mark.parametrize(
    ("name", "row"), [(name, row) for table, name, row in SPELLED if table == "keyword" and row.keyword]
)
def test_a_keyword_from_elsewhere_leads_home(name, row, tmp_path):
    call = re.sub(rf"\b{row.keyword}=", f"{name}=", row.here)
    with pytest.raises(TypeError, match=rf"got an unexpected keyword argument '{name}'\n  fix  {row.keyword}= \("):
        eval(call, surroundings(str(tmp_path)))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("pb.relu(x, dtype=float)", r"np\.add\(x"), ("pb.ones(3, requires_grad=True)", r"requires_grad_\(\)"),
        ("pb.nn.ReLU(inplace=True)", r"ReLU\(\) got .*\n.*results are new tensors"),
        ("pb.nn.Linear(3, 2, device=0)", r"Linear\(\) got .*\n.*on the CPU"), ("pb.relu(x, out=x)", "np.exp"),
        ("pb.data.DataLoader([1], pin_memory=True)", r"DataLoader\(\) got .*\n.*leave it out"),
        ("optimizer.zero_grad(set_to_none=True)", "become None"),
        ("pb.optim.Adam([w], beta1=0.9)", r"Adam\(\) got .*\n  fix  betas="), ("pb.exp(x, dim=0)", "no keywords"),
        ("pb.softmax(input=x)", "by its place"), ("pb.compile(f, fullgraph=True)", "nothing to choose"),
        ("pb.grad(f, argnum=1)", "argnums="), ("x.sum(axiss=0)", "fix  axis="), ("x.sum(zzz=0)", "x, axis, keepdims"),
    ],
)  # fmt: skip
def test_any_unknown_keyword_is_explained(call, said, tmp_path):
    with pytest.raises(TypeError, match=said):
        eval(call, surroundings(str(tmp_path)))


def test_complaints_from_inside_stay_what_they_are():
    def f(x):
        return (lambda axis: axis)(dim=x)

    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'dim'$"):
        pb.grad(f)(1.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        pb.optim.SGD([pb.tensor(1.0, requires_grad=True)])


def test_functions_that_explain_are_the_functions():
    assert str(inspect.signature(pb.sum)).startswith("(x: 'Any', axis: 'Axes' = None, keepdims: 'bool' = False")
    assert (pb.sum.__name__, pb.sum.__module__, pb.Tensor.sum) == ("sum", "pullback.ops.reductions", pb.sum)
    assert "over `axis`" in pb.sum.__doc__
    assert pickle.loads(pickle.dumps(pb.softmax)) is pb.softmax
    assert copy.deepcopy(pb.softmax) is pb.softmax
    assert pb.cross_entropy is pb.softmax_cross_entropy


@pytest.mark.parametrize(
    ("owner", "name", "near"),
    [
        (pb, "sofmax", "softmax"), (pb, "Sigmoid", None), (pb, "value_and_gard", "value_and_grad"),
        (pb, "Tensr", "Tensor"), (pb.nn, "Relu", "ReLU"), (pb.nn, "Linar", "Linear"),
        (pb.optim, "Sgd", "SGD"), (pb.data, "Dataloader", "DataLoader"), (pb.random, "unifrom", "uniform"),
    ],
)  # fmt: skip
def test_a_near_name_is_suggested(owner, name, near):
    with pytest.raises(AttributeError) as raised:
        getattr(owner, name)
    assert near is None or str(raised.value).endswith(f"Did you mean: {near!r}?")


@pytest.mark.parametrize("name", ["Linear", "Module", "Parameter", "Adam", "DataLoader", "normal", "check_grads"])
def test_a_name_of_a_part_is_found_there(name):
    with pytest.raises(AttributeError, match=rf"fix  pb\.\w+\.{name}$"):
        getattr(pb, name)


def test_what_nobody_has_is_a_plain_error():
    with pytest.raises(AttributeError, match=r"^module 'pullback' has no attribute 'zzzzz'$"):
        _ = pb.zzzzz
    for probed in (pb, pb.nn, pb.random, pb.tensor(1.0)):
        assert not hasattr(probed, "__wrapped__")
        assert not hasattr(probed, "_repr_latex_")


def test_dir_shows_what_is_public_and_nothing_else():
    assert dir(pb) == sorted({*NAMES, *later.PARTS})
    assert all(hasattr(pb, name) for name in dir(pb))
    shown = {}
    exec("from pullback import *", shown)
    assert set(shown) - {"__builtins__"} == set(dir(pb))
    for part in (pb.nn, pb.optim, pb.data):
        source = inspect.getsource(part)
        assert dir(part) == sorted(re.findall(r"^from .* import \w+ as (\w+)$", source, re.MULTILINE))
    assert dir(pb.random) == [
        "bernoulli", "default_generator", "generator", "integers", "normal", "permutation", "seed", "uniform",
    ]  # fmt: skip


def test_what_tensors_have_not_is_not_shown():
    foreign = {name for name, value in vars(pb.Tensor).items() if isinstance(value, Foreign)}
    assert foreign == {name for row in elsewhere.TENSOR for name in row.names.split()}
    assert not foreign & set(dir(pb.tensor(1.0)))
    module = {name for name, value in vars(pb.nn.Module).items() if isinstance(value, Foreign)}
    assert module == {name for row in elsewhere.MODULE for name in row.names.split()}


def test_a_module_may_use_these_names_itself():
    class Mine(pb.nn.Module):
        def __init__(self):
            self.weights = 3

        def to(self, x):
            return x

        def forward(self, x):
            return self.to(x)

    assert (Mine().weights, Mine()(5)) == (3, 5)


def test_importing_does_not_load_the_table():
    script = "import sys, pullback as pb; pb.ones(2).sum(); print('pullback.elsewhere' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_page_is_made_of_the_table():
    page = coming_from.PAGE.read_text(encoding="utf-8")
    assert page == coming_from.written(page), "python scripts/coming_from.py writes it"
    assert all(f"`{name}=`" in page if table == "keyword" else f"{name}`" in page for table, name, _ in SPELLED)


# Slips.

W = pb.tensor([1.0, 2.0], requires_grad=True)
MODEL = pb.nn.Linear(1, 1)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (lambda: pb.grad(np.sin, 3.0), r"pb\.grad\(f\)\(x\)"), (lambda: pb.grad(np.sin, W), r"pb\.grad\(f\)\(x\)"),
        (lambda: pb.grad(np.sin, [1.0]), r"pb\.grad\(f\)\(x\)"),
        (lambda: pb.value_and_grad(np.sin, np.ones(2)), "argnums"),
        (lambda: pb.hessian(np.sin, 1.0), r"pb\.hessian\(f\)\(x\)"), (lambda: pb.jacobian(np.sin, W), "argnums"),
        (lambda: pb.grad(9.0), "not a function"), (lambda: pb.grad((W * W).sum()), r"pb\.gradients"),
        (lambda: pb.Tensor([1.0]), r"pb\.tensor\(\[1\.0, 2\.0\]\)"), (lambda: pb.Tensor(5), r"pb\.tensor"),
        (lambda: pb.Tensor(2, 3), r"pb\.zeros\(\(2, 3\)\)"),
        (lambda: pb.Tensor([1.0], requires_grad=True), r"pb\.tensor"),
        (lambda: pb.Tensor(W), r"pb\.tensor"), (lambda: pb.Tensor(), "missing"),
        (lambda: pb.zeros(2, 3), r"pb\.zeros\(\(2, 3\)\)"), (lambda: pb.ones(2, 3, 4), r"pb\.ones\(\(2, 3, 4\)\)"),
        (lambda: pb.tensor(1.0, 2.0), r"pb\.tensor\(\[1\.0, 2\.0\]\)"),
        (lambda: pb.optim.SGD(MODEL.parameters, lr=1), r"model\.parameters\(\)"),
        (lambda: pb.optim.SGD(MODEL, lr=1), r"model\.parameters\(\)"), (lambda: pb.optim.SGD(W, lr=1), r"\[w\]"),
        (lambda: pb.optim.SGD([MODEL], lr=1), r"model\.parameters\(\)"),
        (lambda: pb.optim.SGD(MODEL.named_parameters(), lr=1), r"model\.parameters\(\)"),
        (lambda: pb.optim.SGD([MODEL.parameters()], lr=1), r"\*a\.parameters\(\)"),
        (lambda: pb.optim.SGD(0.1, MODEL.parameters()), r"model\.parameters\(\)"),
        (lambda: pb.optim.SGD([W], lr=1).step(), r"loss\.backward\(\) before step\(\)"),
        (lambda: pb.tensor([1.0]).backward(), "requires_grad=True"),
        (lambda: pb.tensor([1], requires_grad=True), "dtype=float"), (lambda: np.array([W, W]), r"np\.stack"),
        (lambda: np.array([W[0], W[1]]), r"np\.stack"), (lambda: pb.nn.ReLU(1), "positional"),
    ],
)  # fmt: skip
def test_a_slip_is_explained(slip, said):
    with pytest.raises((pb.PullbackError, TypeError), match=said):
        slip()


def test_a_parameter_that_became_a_result_says_so_once():
    w = pb.tensor([3.0], requires_grad=True)
    (w * w).sum().backward()
    w = w - 0.1 * w.grad
    said = r"result of an operation, subtract; leaves alone hold gradients\n  fix  with pb\.no_grad\(\): w -= lr"
    with pytest.warns(pb.PullbackWarning, match=said) as caught:
        seen = [w.grad for _ in range(3)]
    assert seen == [None] * 3
    assert len(caught) == 1


def test_a_result_s_gradient_within_a_compiled_function_does_not_warn():
    @pb.compile
    def step(x):
        y = W * x
        return y.detach() if y.grad is None else x

    for _ in range(3):
        assert step(np.ones((200_000, 2)))[7].tolist() == [1.0, 2.0]  # so much that native code pays


def test_a_tensor_where_a_parameter_is_meant():
    class Net(pb.nn.Module):
        def __init__(self, w):
            self.w = w
            self.constant = pb.zeros(3)

        def forward(self, x):
            self.last = x
            return (x * self.w).sum()

    with pytest.warns(pb.PullbackWarning, match=r"Net\.w: .*\n  fix  pb\.nn\.Parameter"):
        Net(pb.tensor([1.0], requires_grad=True))
    with pb.strict(), pytest.raises(pb.PullbackWarning, match=r"Net\.w\.0"):
        Net([pb.tensor([1.0], requires_grad=True)])
    net = Net(pb.nn.Parameter([1.0]))
    assert [name for name, _ in net.named_parameters()] == ["w"]
    net(net.w * 2)  # what is kept of a step is no slip
    assert pb.grad(net)(np.ones(1)).tolist() == [1.0]


# NumPy's habits.


@pytest.mark.parametrize("t", [pb.tensor([1.0, 2.0]), W, W * 1.0], ids=["constant", "leaf", "result"])
def test_equality_with_what_knows_when_it_is_equal(t):
    for numbers in ([1.0, 2.0], np.array([1.0, 2.0])):
        assert t == pytest.approx(numbers)
        assert t.requires_grad or pytest.approx(numbers) == t
        assert t != pytest.approx([1.0, 2.1])
    assert t[0] == pytest.approx(1.0)
    assert (t == [1.0, 3.0]).tolist() == [True, False]
    with pytest.raises((pb.DTypeError, ValueError)):
        t == [[1.0], [1.0, 2.0]]  # noqa: B015 (it raises)


@pytest.mark.parametrize(
    "power",
    [
        lambda: pb.tensor([1, 2]) ** -1, lambda: pb.tensor(2) ** -1, lambda: np.power(pb.tensor([1, 2]), -2),
        lambda: 3 ** pb.tensor([-1, 2]), lambda: pb.power(pb.tensor([1, 2]), pb.tensor([-1, -1])),
    ],
)  # fmt: skip
def test_integers_have_no_negative_powers(power):
    with pytest.raises(ValueError, match=r"power: integers have no negative powers\n.*int64.*\n.*\n.*1 / t"):
        power()


def test_powers_of_shapes_that_do_not_fit_say_so():
    with pytest.raises(pb.ShapeError, match="power"):
        pb.ones(2) ** pb.ones(3)


def test_a_copy_within_a_transform_keeps_the_derivative():
    assert pb.grad(lambda x: (copy.copy(x) * x).sum())(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    with pytest.raises(pb.GraphError, match=r"t\.copy\(\)"):
        pb.grad(lambda x: (copy.deepcopy(x) * x).sum())(np.ones(2))


@pytest.mark.parametrize("t", [pb.tensor([1.0, 2.0]), W, W * 1.0], ids=["constant", "leaf", "result"])
def test_numpy_s_testing_compares_numbers(t):
    for check in (np.testing.assert_equal, np.testing.assert_array_equal, np.testing.assert_allclose):
        check(t, np.array([1.0, 2.0]))
        check(np.array([1.0, 2.0]), t)
        with pytest.raises(AssertionError):
            check(t, np.array([1.0, 2.5]))
    np.testing.assert_allclose(t, [1.0, 2.0])
    np.testing.assert_allclose(t, t)
    assert pb.grad(lambda x: np.testing.assert_allclose(x, [3.0]) or (x * x).sum())(np.array([3.0])).tolist() == [6.0]
    if t.requires_grad:
        with pytest.raises(pb.GraphError):
            np.asarray(t)


def test_scalers_of_scikit_learn_take_constants():
    preprocessing = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is not installed")
    a = np.array([[1.0, 10.0], [2.0, 30.0], [6.0, 20.0]])
    for scaler in (preprocessing.StandardScaler, preprocessing.MinMaxScaler, preprocessing.RobustScaler):
        scaled = scaler().fit_transform(pb.tensor(a))
        assert isinstance(scaled, np.ndarray)
        np.testing.assert_array_equal(scaled, scaler().fit_transform(a))
        with pytest.raises(pb.GraphError, match=r"t\.numpy\(\)"):
            scaler().fit_transform(pb.tensor(a, requires_grad=True))


def test_numpy_s_generators_take_constants():
    t = pb.tensor([1.0, 2.0, 3.0])
    rng = np.random.default_rng(0)
    for shuffled in (rng.permuted(t), rng.permutation(t), np.random.RandomState(0).permutation(t)):
        assert sorted(shuffled.tolist()) == [1.0, 2.0, 3.0]
    assert t.tolist() == [1.0, 2.0, 3.0]
    assert rng.choice(t) in (1.0, 2.0, 3.0)
    assert rng.normal(t).shape == (3,)
