"""`pb.compile` is the function itself: values, gradients, state, and everything that a call may be given."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pullback as pb
from pullback import nn, optim


def numbers(*shape, seed=0, dtype=float):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def same(a, b):
    """Whether two trees hold the same bits."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, pb.Tensor):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.kind != "f":
            return np.array_equal(a.numpy(), b.numpy())
        close = 1e5 * np.finfo(a.dtype).eps  # sums are ordered otherwise, and a training amplifies that
        return np.allclose(a.numpy(), b.numpy(), rtol=close, atol=close, equal_nan=True)
    return a == b


def runs(step):
    """How many calls ran as a program."""
    return int(step.explain().split(" calls recorded, ")[1].split()[0])


# Functions.

x1, x2 = numbers(3, 4), numbers(4, 2, seed=1)
FUNCTIONS = {
    "arithmetic": (lambda a: a * 2 + 1 / (a * a + 1), (x1,)),
    "two arguments": (lambda a, b: pb.tanh(a @ b).sum(0), (x1, x2)),
    "grad": (pb.grad(lambda a: (pb.sin(a) * a).sum()), (x1,)),
    "grad of grad": (pb.grad(lambda a: pb.grad(lambda b: (b**3).sum())(a).sum()), (x1,)),
    "value and grad in a tree": (pb.value_and_grad(lambda p, x: ((x @ p["w"] + p["b"]) ** 2).mean()), None),
    "vjp inside": (lambda a, b: pb.vjp(lambda w: w @ x2, a)[1](b), (x1, numbers(3, 2))),
    "jvp": (lambda a, t: pb.jvp(lambda w: pb.exp(w) * w, (a,), (t,)), (x1, numbers(3, 4, seed=2))),
    "hessian": (pb.hessian(lambda a: (a[0] ** 2 * a[1]).sum() + (a**4).sum()), (x2[:, 0],)),
    "jacobian": (pb.jacobian(lambda a: pb.sin(a) * a[0]), (x2[:, 0],)),
    "hvp": (lambda a, t: pb.hvp(lambda w: (w**3).sum(), (a,), (t,)), (x2, x2 + 1)),
    "numpy's functions": (lambda a: np.where(a > 0, np.sqrt(np.abs(a)), a).mean(axis=0), (x1,)),
    "indexing by an argument": (lambda a, i: a[i] * 2, (x1, np.array([0, 2, 2]))),
    "setting elements": (lambda a: _set(a.copy()), (x1,)),
    "comparisons of numbers": (lambda a, b: pb.where(a > 0, a, b) * pb.where(b > 0, 1.0, -1.0), (np.float64(2.0), 3.0)),
    "integers": (lambda i: (i * 2 + 1) // 3, (np.arange(7),)),
    "a checkpoint": (pb.grad(lambda a: pb.checkpoint(lambda b: pb.sin(b) * b)(a).sum()), (x1,)),
    "tensors made inside": (lambda a: a + pb.ones(4) * pb.tensor([1.0, 2.0, 3.0, 4.0]) + pb.zeros_like(a), (x1,)),
    "a tensor of a tensor": (lambda a: pb.tensor(a) + pb.full(4, a[0, 0]) + pb.one_hot([1, 0, 3], 4), (x1,)),
    "no derivative": (lambda a: a.argmax(-1), (x1,)),
}  # fmt: skip


def _set(a):
    a[0] = 5.0
    a += 1
    a[:, 1:2] = a[:, :1]
    return a


def perturbed(tree, by):
    if isinstance(tree, (tuple, list)):
        return type(tree)(perturbed(part, by) for part in tree)
    if isinstance(tree, dict):
        return {k: perturbed(v, by) for k, v in tree.items()}
    if isinstance(tree, (np.ndarray, np.generic)) and tree.dtype.kind == "f":
        return tree * (-1) ** by + by
    return tree


@pytest.mark.parametrize("as_tensors", [False, True])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_compiled_function_is_the_function(name, as_tensors):
    f, args = FUNCTIONS[name]
    args = args or ({"w": x2, "b": np.zeros(2)}, x1)
    step = pb.compile(f)
    for call in range(5):
        given_now = perturbed(args, call)
        tensors = pb_tree(given_now)
        expected = f(*tensors)
        assert same(step(*(tensors if as_tensors else given_now)), expected), call
    assert runs(step) == 3


def pb_tree(tree):
    if isinstance(tree, (tuple, list)):
        return type(tree)(map(pb_tree, tree))
    if isinstance(tree, dict):
        return {k: pb_tree(v) for k, v in tree.items()}
    return pb.tensor(tree) if isinstance(tree, (np.ndarray, np.generic)) else tree


OPERATIONS = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / (b * b + 1), "maximum": pb.maximum, "select": lambda a, b: pb.where(a > b, a, b),
    "tanh": lambda a, b: pb.tanh(a) * b, "mean": lambda a, b: a - b.mean(), "row": lambda a, b: a + b.sum(0),
    "weak": lambda a, b: 2.5 * a + b, "assign": lambda a, b: _assigned(a, b),
}  # fmt: skip


def _assigned(a, b):
    t = a * 1.0
    t[0] = b[1]
    return t


LINES = st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 9), st.integers(0, 9))


@given(st.lists(LINES, min_size=1, max_size=8), st.sampled_from(["float32", "float64"]))
def test_random_programs_and_their_gradients(lines, dtype):
    def f(a, b):
        values = [a, b]
        for name, i, j in lines:
            values.append(OPERATIONS[name](values[i % len(values)], values[j % len(values)]))
        return (values[-1] * values[len(values) // 2]).sum()

    step = pb.compile(pb.value_and_grad(f, argnums=(0, 1)))
    for call in range(4):
        given_now = [numbers(3, 2, seed=2 * call + i, dtype=dtype) for i in range(2)]
        assert same(step(*given_now), pb.value_and_grad(f, argnums=(0, 1))(*map(pb.tensor, given_now)))
    assert runs(step) == 2


# Arguments and results.


def test_trees_in_and_out_with_none_and_values_of_python():
    class Pair(NamedTuple):
        a: object
        b: object

    @pb.compile
    def f(p, flag, *, scale=2.0):
        return {"pair": Pair(p["x"] * scale, [p["y"], None]), "flag": flag, "name": "result", "n": (1, 2.5)}

    for k in range(4):
        out = f({"x": pb.tensor([1.0 + k]), "y": k * x1}, flag=True, scale=3.0)
        assert type(out["pair"]).__name__ == "Pair"
        assert out["pair"].a.tolist() == [3.0 * (1 + k)]
        assert same(out["pair"].b, [pb.tensor(k * x1), None])
        assert (out["flag"], out["name"], out["n"]) == (True, "result", (1, 2.5))
    assert runs(f) == 2


def test_values_of_python_are_part_of_the_program():
    step = pb.compile(lambda x, n, flip=False: x * n if not flip else -x)
    for _ in range(3):
        assert step(x1, 2)[0, 0] == x1[0, 0] * 2
        assert step(x1, 3)[0, 0] == x1[0, 0] * 3
        assert step(x1, 3, flip=True)[0, 0] == -x1[0, 0]
        assert step(x1, n=True)[0, 0] == x1[0, 0]
        assert step(x1, 0.0).tolist() == (x1 * 0.0).tolist()
        assert np.array_equal(np.signbit(step(x1, -0.0).numpy()), np.signbit(x1 * -0.0))
    assert "argument 1: 3 where there was 2" in step.explain()


def test_static_arguments_by_number_and_by_name():
    table = np.arange(3.0)

    @pb.compile(static_argnums=1)
    def f(x, rows):
        assert type(rows) is np.ndarray
        return x * float(rows.sum())

    g = pb.compile(lambda x, rows: x * rows.sum(), static_argnames="rows")
    for rows in (table, table + 1):
        for _ in range(4):
            assert f(x1, rows)[0, 0] == f(x1, rows=rows)[0, 0] == x1[0, 0] * rows.sum()
            assert g(x1, rows)[0, 0] == x1[0, 0] * rows.sum()
    for options in ({"static_argnums": 5}, {"static_argnames": "cols"}):
        with pytest.raises(pb.OptionError, match="names no argument"):
            pb.compile(lambda x, rows: x, **options)


def test_methods_class_methods_and_objects():
    class Model:
        scale = 2.0

        def __init__(self, w):
            self.w = pb.tensor(w)

        @pb.compile
        def __call__(self, x):
            return self.w * x

        @classmethod
        @pb.compile
        def scaled(cls, x):
            return x * cls.scale

        @staticmethod
        @pb.compile
        def negative(x):
            return -x

    one, two = Model(1.0), Model(2.0)
    for k in range(4):
        assert (float(one(pb.tensor(k))), float(two(pb.tensor(k)))) == (k, 2 * k)
        assert float(Model.scaled(pb.tensor(1.0 * k))) == 2 * k
        assert float(Model.negative(pb.tensor(k))) == -k
    bound = pb.compile(one.__call__)
    assert float(bound(pb.tensor(5.0))) == 5.0
    assert "4 calls recorded, 4 run" in Model.__call__.explain()
    layer = nn.Linear(4, 2, rng=0, dtype=float)
    compiled = pb.compile(layer)
    with pb.no_grad():
        for _ in range(4):
            assert same(compiled(x1), layer(x1))
    assert runs(compiled) == 2


def test_equal_objects_are_not_taken_for_one():
    class Box:
        def __init__(self, w):
            self.w = pb.tensor(w)

        def __eq__(self, other):
            return True

        __hash__ = None

        def __repr__(self):
            return "box"

    f = pb.compile(lambda box, x: box.w * x)
    boxes = [Box(1.0), Box(2.0)]
    for _ in range(4):
        assert [float(f(box, pb.tensor(3.0))) for box in boxes] == [3.0, 6.0]


def test_shapes_dtypes_and_modes_have_programs_of_their_own_with_reasons():
    def total(x):
        return (x * 2).sum()

    f = pb.compile(total)
    given_now = [numbers(32, 4), numbers(64, 4), numbers(64, 4, dtype=np.float32)]
    for _ in range(4):
        for x in given_now:
            assert same(f(x), total(pb.tensor(x)))
        with pb.strict_nan():
            assert same(f(given_now[0]), total(pb.tensor(given_now[0])))
    text = f.explain()
    assert "argument 0: float64[64, 4] where there was float64[32, 4]" in text
    assert "argument 0: float32[64, 4] where there was float64[64, 4]" in text
    assert "modes: strict_nan where there was none" in text
    assert runs(f) == 8


def test_what_is_no_function_is_refused():
    def steps(x):
        yield x

    async def later(x):
        return x

    for wrong in (steps, later, 3, classmethod(lambda cls: cls)):
        with pytest.raises(pb.OptionError, match="compile"):
            pb.compile(wrong)


def test_functions_without_tensors():
    for f, expected in (
        (lambda: None, None),
        (lambda: (), ()),
        (lambda n=3: n + 1, 4),
        (lambda: {"a": "b"}, {"a": "b"}),
    ):
        step = pb.compile(f)
        assert [step() for _ in range(4)] == [expected] * 4


def test_results_are_the_callers_own():
    w, table = pb.tensor([1.0, 2.0]), np.ones(2)

    def f(x):
        y = x * 2
        return y, y, x, x.T, w, table, np.ones(2)

    step = pb.compile(f)
    kept = []
    for k in range(5):
        x, batch = pb.tensor(x1 + k), x1 + k
        table[0] = k
        out = step(x)
        again = step(batch)
        batch[...] = 99.0  # a loader that uses its memory again
        for result in (out, again):
            assert same(result[0], pb.tensor((x1 + k) * 2))
            assert same(result[1], result[0])
            assert result[0] is result[1]
            assert same(result[2], pb.tensor(x1 + k))
            assert (result[2] is x) == (result is out)
            assert same(result[3], pb.tensor((x1 + k).T))
            assert result[4] is w
            assert same(list(result[5:]), [pb.tensor([k, 1.0]), pb.tensor([1.0, 1.0])])
            result[6][0] = 7.0
        kept.append((out, copy.deepcopy([*out[:4], out[5]])))
        again[0][0] = 5.0
        assert same(x, pb.tensor(x1 + k))
    for out, at_the_time in kept:
        assert same([*out[:4], out[5]], at_the_time)


# Training steps.


class Net(nn.Module):
    def __init__(self, dtype=float):
        self.first, self.drop = nn.Linear(4, 8, rng=1, dtype=dtype), nn.Dropout(0.5, rng=3)
        self.last = nn.Linear(8, 2, rng=2, dtype=dtype)
        self.register_buffer("mean", pb.zeros(8, dtype))

    def forward(self, x):
        h = pb.tanh(self.first(x))
        if self.training:
            with pb.no_grad():
                self.mean *= 0.9
                self.mean += 0.1 * h.mean(0)
        return self.last(self.drop(h - self.mean))


OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, dampening=0.1),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
}


def trained(optimizer, zero, compiled, calls=9, clip=False):
    """What a training gives: losses, parameters, buffers, gradients and the optimizer's state."""
    model = Net()
    opt = OPTIMIZERS[optimizer](model.parameters())
    criterion = nn.CrossEntropyLoss()

    def step(x, y):
        if zero == "first":
            opt.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        if clip:
            for p in model.parameters():
                p.grad *= 0.5
        opt.step()
        if zero == "last":
            opt.zero_grad()
        return loss

    step = pb.compile(step) if compiled else step
    losses = []
    for call in range(calls):
        if call == 6:
            opt.lr = 0.03
        if call == 7:
            with pb.no_grad():
                model.last.bias.assign(np.array([0.5, -0.5]))
        losses.append(step(numbers(5, 4, seed=call), np.arange(5) % 2))
        if zero == "outside":
            opt.zero_grad()
    gradients = [p.grad for p in model.parameters()]
    parts = [losses, model.state_dict(), opt.state_dict()["state"], [g is None for g in gradients]]
    if compiled:
        assert runs(step) >= calls - 3
    return [
        {str(i): pb.tensor(v) for i, v in _flat(part)} for part in (*parts, [g for g in gradients if g is not None])
    ]


def _flat(part):
    return part.items() if isinstance(part, dict) else enumerate(part)


@pytest.mark.parametrize("zero", ["first", "last", "outside", "never"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_compiled_training_step_is_the_step(optimizer, zero):
    assert same(trained(optimizer, zero, compiled=True), trained(optimizer, zero, compiled=False))


@pytest.mark.parametrize("zero", ["first", "last"])
def test_gradients_that_are_changed_in_place(zero):
    assert same(trained("Adam", zero, compiled=True, clip=True), trained("Adam", zero, compiled=False, clip=True))


def test_gradients_that_are_only_changed():
    def losses(compiled):
        w = pb.tensor([1.0, 2.0], requires_grad=True)

        def halve():
            w.grad *= 0.5
            return w.grad.sum()

        step = pb.compile(halve) if compiled else halve
        found = []
        for k in range(5):
            w.grad = pb.tensor([1.0 + k, 2.0])
            found += [step(), w.grad]
        return found

    assert same(losses(compiled=True), losses(compiled=False))


@pytest.mark.parametrize("accumulate", [False, True])
def test_gradients_accumulate_over_calls(accumulate):
    def run(compiled):
        w = pb.tensor([1.0, 2.0], requires_grad=True)

        def add(x):
            ((w * x) ** 2).sum().backward()

        step = pb.compile(add) if compiled else add
        found = []
        for k in range(8):
            if not accumulate or k % 4 == 0:
                w.grad = None
            assert step(np.array([1.0, k])) is None
            found.append(w.grad)

        if compiled:
            assert runs(step) == (4 if accumulate else 6)
        return found

    assert same(run(compiled=True), run(compiled=False))


def test_gradients_that_are_forgotten_are_forgotten_whatever_they_were():
    w = pb.tensor([1.0, 2.0], requires_grad=True)

    @pb.compile
    def forget():
        w.grad = None

    for k in range(6):
        w.grad = None if k < 3 else pb.ones(2)
        forget()
        assert w.grad is None
    assert runs(forget) == 4


def test_train_and_eval_have_programs_of_their_own():
    def outputs(compiled):
        model = Net()

        @pb.no_grad()
        def predict(x):
            return model(x)

        step = pb.compile(predict) if compiled else predict
        found = []
        for mode in (True, False, True, True, False, False, False, True, True):
            model.train(mode)
            found += [step(x1), step(x1 + 1)]
        found.append(model.mean)
        return found, step

    ours, step = outputs(compiled=True)
    assert same(ours, outputs(compiled=False)[0])
    assert runs(step) == 14
    assert "training was True and is False" in step.explain()


@pytest.mark.parametrize("way", ["argument", "list", "flag"])
def test_modules_are_known_in_arguments_lists_and_closures(way):
    model = nn.Sequential(nn.Linear(4, 4, rng=0, dtype=float), nn.Dropout(0.5, rng=1))
    twin, models = copy.deepcopy(model), [model]
    f = {
        "argument": lambda m, x: m(x), "list": lambda _, x: models[0](x),
        "flag": lambda m, x: x * 2 if model.training else m(x),
    }[way]  # fmt: skip
    step = pb.compile(pb.no_grad()(f))
    with pb.no_grad():
        for k in range(12):
            for m in (model, twin):
                m.train(k % 4 < 2)
            expected = (x1 * 2 if twin.training else twin(x1)) if way == "flag" else twin(x1)
            assert same(step(model, x1), pb.tensor(expected)), k
    assert runs(step) == 8


def test_frozen_layers_changed_modules_and_new_parameters():
    model = nn.MLP(4, 3, 2, rng=0, dtype=float)
    plain = copy.deepcopy(model)

    def build(m):
        opt = optim.SGD(m.parameters(), lr=0.1)

        def step(x):
            opt.zero_grad()
            loss = (m(x) ** 2).mean()
            loss.backward()
            opt.step(skip_missing=True)
            return loss

        return step

    ours, theirs = pb.compile(build(model)), build(plain)
    for k in range(24):
        for m in (model, plain):
            if k == 5:
                m.layers[0].requires_grad_(flag=False)
            if k == 10:
                m.layers[0].requires_grad_(flag=True)
            if k == 15:
                m.layers.append(nn.Tanh())
            if k == 20:
                with pb.no_grad():
                    m.layers[0].weight.assign(np.ones((3, 4)))
        assert same(ours(x1), theirs(x1)), k
        assert same([p.grad is None for p in model.parameters()], [p.grad is None for p in plain.parameters()])
    assert runs(ours) == 17


def test_an_optimizer_that_is_loaded_or_learns_more():
    def run(compiled):
        w, v = pb.tensor([1.0, 2.0], requires_grad=True), pb.tensor(3.0, requires_grad=True)
        opt = optim.Adam([w], lr=0.1)

        def step():
            opt.zero_grad()
            ((w * v) ** 2).sum().backward()
            opt.step()

        f = pb.compile(step) if compiled else step
        found = []
        for k in range(12):
            if k == 4:
                saved = opt.state_dict()
            if k == 6:
                opt.load_state_dict(saved)
            if k == 8:
                opt.add_param_group({"params": [v], "lr": 0.5})
            f()
            found += [w.detach(), v.detach()]
        return found

    assert same(run(compiled=True), run(compiled=False))


def test_parameters_may_be_arguments():
    def run(compiled):
        params = {"w": pb.tensor(x2, requires_grad=True), "b": pb.tensor(np.zeros(2), requires_grad=True)}
        others = {k: pb.tensor(v.numpy() * 2, requires_grad=True) for k, v in params.items()}

        def step(p, x):
            loss = ((x @ p["w"] + p["b"]) ** 2).mean()
            loss.backward()
            with pb.no_grad():
                for t in p.values():
                    t -= 0.1 * t.grad
                    t.grad = None
            return loss

        f = pb.compile(step) if compiled else step
        found = []
        for k in range(10):
            p = others if k % 3 == 2 else params
            found += [f(p, x1), *(t.detach() for t in p.values())]
        return found

    assert same(run(compiled=True), run(compiled=False))


def test_tensors_that_are_given_and_changed_in_place_are_changed():
    def run(compiled):
        def step(state, x):
            state["n"] += 1
            state["total"] += x.sum(0)
            return state["total"] / state["n"]

        f = pb.compile(step) if compiled else step
        states = [{"n": pb.tensor(0.0), "total": pb.zeros(4)} for _ in range(2)]
        found = [f(states[k % 3 == 2], x1 + k) for k in range(9)]
        return found, [list(s.values()) for s in states]

    assert same(run(compiled=True), run(compiled=False))


# Randomness.


def test_generators_go_on_and_seeds_start_again():
    def run(compiled):
        rng = np.random.default_rng(5)

        def noise(x):
            return (
                x + pb.random.normal(size=(3, 4)), pb.random.uniform(size=2, rng=rng), pb.random.normal(size=2, rng=0),
                pb.random.permutation(5), pb.random.normal(x[0, 0], 2.0, size=3, rng=rng),
            )  # fmt: skip

        f = pb.compile(noise) if compiled else noise
        pb.seed(1)
        found = [f(x1) for _ in range(5)]
        pb.seed(1)
        found += [f(x1) for _ in range(3)]
        return found, rng.random()

    ours, theirs = run(compiled=True), run(compiled=False)
    assert same(ours, theirs)
    assert not same(ours[0][3], ours[0][4])


# Within other things.


def test_within_another_compiled_function_and_recursion():
    inner = pb.compile(lambda x: x * 3)

    @pb.compile
    def outer(x, depth=2):
        return inner(x) if depth == 0 else outer(x, depth - 1) + 1

    for k in range(4):
        assert same(outer(x1 + k), pb.tensor((x1 + k) * 3 + 1 + 1))
    assert runs(outer) == 2
    assert runs(inner) == 0


def test_derivatives_of_a_compiled_function_are_right():
    w = pb.tensor(2.0, requires_grad=True)
    cube = pb.compile(lambda x: x**3)
    scaled = pb.compile(lambda x: w * x)
    for k in range(5):
        assert float(cube(pb.tensor(2.0))) == 8.0
        assert float(pb.grad(cube)(2.0 + k)) == 3 * (2.0 + k) ** 2
        assert float(pb.grad(pb.grad(cube))(2.0)) == 12.0
        assert float(pb.grad(lambda x: cube(pb.sin(x)))(1.0)) == pytest.approx(3 * np.sin(1) ** 2 * np.cos(1))
        x = pb.tensor(2.0, requires_grad=True)
        cube(x).backward()
        assert float(x.grad) == 12.0
        w.grad = None
        scaled(pb.tensor(3.0)).backward()
        assert float(w.grad) == 3.0
        with pb.no_grad():
            assert float(scaled(pb.tensor(3.0))) == 6.0
    assert "can still be differentiated" in scaled.explain()
    assert runs(cube) == 3
    assert runs(scaled) == 3


def test_a_captured_constant_that_becomes_tracked():
    t = pb.tensor([1.0, 2.0])
    f = pb.compile(lambda x: (t * x).sum())
    for _ in range(4):
        assert float(f(np.ones(2))) == 3.0
    v = pb.tensor([3.0, 4.0], requires_grad=True)
    t.assign(v * 2)
    loss = f(np.ones(2))
    loss.backward()
    assert float(loss) == 14.0
    assert v.grad.tolist() == [2.0, 2.0]
    t.requires_grad = False if t.is_leaf else t.requires_grad


def test_without_recording_and_with_anomaly_detection():
    f = pb.compile(lambda x: pb.sqrt(x))
    for _ in range(4):
        f(pb.tensor(1.0))
    with pb.detect_anomaly(), pytest.raises(pb.NotFiniteError):
        pb.grad(f)(0.0)


def test_it_looks_like_the_function_and_explains_itself():
    @pb.compile
    def step(x):
        """Twice x."""
        return 2 * x

    assert (step.__name__, step.__doc__, step.__wrapped__(3)) == ("step", "Twice x.", 6)
    assert step.explain() == "step: 0 calls recorded, 0 run as a program"
    for n in (2, 2, 2, 2, 3):
        step(np.ones(n))
    about = [line for line in step.explain().splitlines() if not line.startswith("      ")]  # what the back end says
    assert about == [
        "step: 3 calls recorded, 2 run as a program",
        "  the first call",
        "    1 operation, 2 calls",
        "  argument 0: float64[3] where there was float64[2]",
        "    recorded once; a program comes with the second recording that agrees",
    ]
