"""Compiled functions as C: compiled by the system's compiler, they give the same numbers."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import pullback as pb
from pullback.compiler.instructions.c import CModule
from pullback.compiler.instructions.llvm import I64, Type
from pullback.core.errors import GraphError, OptionError, TraceError

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None, reason="there is no C compiler on this system")
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1")


def built(function, folder, name="step"):
    """The program that reads arguments and writes results."""
    path = function.to_c(folder / f"{name}.c")
    program = folder / name
    done = subprocess.run(
        [CC, *FLAGS, f"-D{name.upper()}_MAIN", path, "-lm", "-o", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


def close(found, expected, ulps=2**10):
    """As PULLBACK_CHECK asks: so many units in the last place of the largest number."""
    assert found.shape == expected.shape
    if expected.dtype.kind != "f":
        assert np.array_equal(found, expected)
        return
    most = float(np.max(np.abs(expected), initial=0.0, where=np.isfinite(expected)))
    far = ulps * np.finfo(expected.dtype).eps * max(most, np.finfo(expected.dtype).tiny)
    assert np.allclose(found, expected, rtol=0, atol=far, equal_nan=True)


def ran(program, *arguments):
    done = subprocess.run([program], input=b"".join(a.tobytes() for a in arguments), capture_output=True, check=False)
    return done.returncode, done.stdout


RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
WHOLE = np.array([[-7, 3, 0], [127, -128, 5]], np.int32)


def scanned(x):
    def body(h, row):
        h = pb.tanh(h * 0.5 + row)
        return h, h * h

    return pb.scan(body, pb.zeros(5), x)


def written_to(x):
    y = pb.zeros((4, 5)) + x[:4]
    y[1:3] = x[2:4] * 2.0
    return y.cumsum(axis=0), pb.where(y > 0, y, -1.0), (y > 0).any(axis=1), pb.tril(x[:5])


KEPT = pb.tensor(np.arange(3.0))


def given_back(x):
    y = x + 1
    return {"y": y, "again": [y, x, KEPT], "more": y * 2, "last": y + KEPT.sum()}


FUNCTIONS = {
    "what is given back twice, or as it is": (given_back, (X,)),
    "what computes nothing": (lambda x: KEPT, (X,)),
    "functions": (
        lambda x: [f(x) for f in (pb.exp, pb.tanh, pb.sin, pb.erf, pb.sigmoid, pb.softplus, pb.arctan, pb.floor)]
        + [pb.log(pb.abs(x)), pb.power(pb.abs(x), x), pb.maximum(x, 0.5), pb.sign(x)],
        (X,),
    ),
    "single": (lambda x, w: pb.softmax(pb.relu(x @ w.T), axis=-1), (X.astype(np.float32), X[:4].astype(np.float32))),
    "sums": (lambda x: (x.mean(), x.max(axis=0), x.prod(axis=1), pb.std(x), x.T @ x, pb.logsumexp(x, axis=1)), (X,)),
    "integers": (
        lambda n: (n * n, n // 3, n % 5, n << 2, n.sum(axis=0), (n > 2) & (n < 90), -n, n.astype(float)), (WHOLE,),
    ),
    "places": (lambda x, i: (x[i], pb.index_add(pb.zeros((6, 5)), i, x[i] * 2)), (X, np.array([4, 1, 1, -2]))),
    "writing": (written_to, (X,)),
    "loops": (scanned, (X,)),
    "matrices": (
        lambda a, b: (pb.linalg.solve(a, b), pb.linalg.det(a), pb.linalg.cholesky(a @ a.mT), pb.special.gammaln(a),
                      np.exp(pb.linalg.eigvalsh(a))),
        (RNG.normal(size=(3, 2, 2)) + 3 * np.eye(2), RNG.normal(size=(3, 2, 1))),
    ),
    "windows": (
        lambda x, w: pb.nn.max_pool2d(pb.nn.conv2d(x, w, stride=1, padding=1), 2),
        (RNG.normal(size=(2, 3, 6, 6)).astype(np.float32), RNG.normal(size=(4, 3, 3, 3)).astype(np.float32)),
    ),
}  # fmt: skip


@needs_cc
@pytest.mark.parametrize("name", FUNCTIONS)
def test_c_gives_the_same_numbers(name, tmp_path):
    f, arguments = FUNCTIONS[name]
    compiled = pb.compile(f)
    compiled.prepare(*arguments)
    program = built(compiled, tmp_path)
    code, out = ran(program, *arguments, *arguments)
    assert code == 0
    expected = [np.asarray(leaf.array) for leaf in pb.core.tree.leaves(f(*map(pb.tensor, arguments)))]
    for result in expected * 2:
        size = result.nbytes
        close(np.frombuffer(out[:size], result.dtype).reshape(result.shape), result)
        out = out[size:]
    assert not out


@needs_cc
def test_a_network_learns_in_c(tmp_path):
    images, labels = RNG.random((8, 1, 8, 8), dtype=np.float32), RNG.integers(0, 3, 8)
    model = pb.nn.Sequential(
        pb.nn.Conv2d(1, 2, 3, rng=0), pb.nn.ReLU(), pb.nn.Flatten(), pb.nn.Linear(72, 3, rng=1),
    )  # fmt: skip
    criterion, optimizer = pb.nn.CrossEntropyLoss(), pb.optim.Adam(model.parameters(), lr=0.01)

    @pb.compile
    def step(images, labels):
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    step.prepare(images, labels)
    program = built(step, tmp_path)
    code, out = ran(program, *(images, labels) * 20)
    losses = np.array([float(step._f(images, labels)) for _ in range(20)], np.float32)
    assert code == 0
    assert losses[-1] < losses[0] / 2
    assert np.allclose(np.frombuffer(out[:80], np.float32), losses, rtol=1e-4)
    kept = np.frombuffer(out[80:88], np.float32)
    assert np.allclose(kept, model[0].bias.numpy(), atol=1e-4), "the bias comes first in the struct"
    header = (tmp_path / "step.h").read_text(encoding="utf-8")
    assert "float t0_weight[18]; /* 2 x 1 x 3 x 3 */" in header
    assert "or 1 where an argument is out of range" in header
    code, out = ran(program, images, labels, images, labels + 3)
    assert (code, len(out)) == (1, 4), "a label that is no class"


@needs_cc
def test_arrays_of_the_callers_are_written_to(tmp_path):
    @pb.compile
    def double(x):
        x *= 2.0
        return x.sum()

    x = np.arange(4.0)
    double.prepare(x)
    assert np.array_equal(x, np.arange(4.0))
    code, out = ran(built(double, tmp_path, "twice"), x)
    assert code == 0
    assert np.array_equal(np.frombuffer(out), [0.0, 2.0, 4.0, 6.0, 12.0])


@needs_cc
def test_a_state_that_is_given_back_is_as_the_call_left_it(tmp_path):
    total = pb.tensor(np.zeros(3))
    add = pb.compile(lambda x: (total, total.assign(total + x), x))
    x = np.arange(3.0)
    add.prepare(x)
    code, out = ran(built(add, tmp_path, "add"), x, x)
    assert code == 0
    assert np.array_equal(np.frombuffer(out).reshape(-1, 3), [x, x, x, 2 * x, 2 * x, x, 2 * x])


def test_why_there_is_no_program_is_said(tmp_path):
    layer = pb.compile(pb.nn.Linear(3, 2))
    with pytest.raises(GraphError, match=r"there is no program\n  fix  call Linear.prepare"):
        layer.to_c(tmp_path / "step.c")
    layer.prepare(np.ones((1, 3), np.float32))
    with pytest.raises(GraphError, match=r"can still be differentiated.*no_grad"):
        layer.to_c(tmp_path / "step.c")


def test_what_has_no_loops_is_refused_with_its_line(tmp_path):
    solve = pb.compile(lambda a, b: pb.linalg.solve(a, b) * 2.0)
    solve.prepare(np.eye(9), np.ones(9))
    with pytest.raises(TraceError, match="solve") as caught:
        solve.to_c(tmp_path / "step.c")
    assert f"{__file__}:" in str(caught.value)
    assert "LAPACK" in str(caught.value)
    assert not [*tmp_path.iterdir()]
    noisy = pb.compile(lambda x: x + pb.random.normal(size=3))
    noisy.prepare(np.ones(3))
    with pytest.raises(TraceError, match="draws the numbers"):
        noisy.to_c(tmp_path / "step.c")


def test_half_precision_is_refused_with_its_line_and_the_shares_of_ties_are_not(tmp_path):
    doubled = pb.compile(lambda x: (x.astype(np.float16) * 2).astype(np.float32))
    doubled.prepare(np.ones(3, np.float32))
    with pytest.raises(TraceError, match="half precision") as caught:
        doubled.to_c(tmp_path / "step.c")
    assert f"{__file__}:" in str(caught.value)
    shared = pb.compile(pb.grad(lambda x: pb.maximum(x, 1).sum()))
    shared.prepare(np.ones(3))
    assert "double" in shared.to_c(tmp_path / "step.c").read_text()


@pytest.mark.parametrize("name", ["step.cpp", "my-step.c", "while.c", "1st.c"])
def test_the_file_is_called_as_a_function_may_be(tmp_path, name):
    f = pb.compile(lambda x: pb.exp(x) + 1.0)
    f.prepare(np.ones(3))
    with pytest.raises(OptionError):
        f.to_c(tmp_path / name)


def test_c_says_what_it_cannot():
    f = CModule().function("f", [(I64, "n")])
    with pytest.raises(TypeError, match="no vectors"):
        f.emit("add <4 x i64> %a, %b", Type("i64", 4))
    with pytest.raises(TypeError, match="C has no ctpop"):
        f.intrinsic("ctpop", f.arguments[0])
