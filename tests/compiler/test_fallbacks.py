"""What falls back to NumPy in the benchmarks, the examples and models of each kind is known, and why."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is made through llvmlite")

from tests.compiler.passes.looping import LOOPS

import pullback as pb
from pullback.compiler.lowering import lower

ROOT = Path(__file__).resolve().parents[2]
RNG = np.random.default_rng(3)

# At most ten. Each is a primitive that runs as its NumPy kernel in one of these programs, and the reason.
LAPACK = dict.fromkeys(("cholesky", "solve", "solve_triangular"), "LAPACK computes it, in one call")
FALLBACKS = {"random": "NumPy's generator draws the numbers", **LAPACK}
NO_PLACE = "what does not fall back any more has no place on the list"

REPEATED = {"cnn", "gpt", "lstm-1023", "mixture-10-25", "mixture-32-25", "mlp", "ode-large"}  # as others, on more


@pytest.fixture
def fallen(monkeypatch):
    """What falls back while a test runs, each with its reason."""
    found, why = {}, lower.why

    def noting(equation):
        found[equation.primitive.name] = why(equation)
        return found[equation.primitive.name]

    monkeypatch.setattr(lower, "why", noting)
    return found


def run(f, *args):
    step = pb.compile(f)
    for _ in range(3):
        step(*args)
    assert "run as a program" in step.explain()


def test_the_list_is_short():
    assert len(FALLBACKS) <= 10
    assert all(len(reason.split()) > 3 for reason in FALLBACKS.values())


def known(fallen):
    assert fallen.items() <= FALLBACKS.items()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ties_of_maxima_have_loops(fallen, dtype):
    x, y = np.array([1, 2, 3], dtype), np.array([1, 3, 2], dtype)
    run(pb.grad(lambda x: (pb.maximum(x, y) * pb.minimum(x, y) * x).sum()), x)
    assert not fallen


@pytest.mark.filterwarnings("ignore")
def test_the_benchmarks(fallen, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    works = importlib.import_module("contest").every_work()
    ran = []
    for name, work in works.items():
        if "pullback compiled" in work.contestants and name not in REPEATED:
            step = work.contestants["pullback compiled"]()
            for _ in range(3):
                step()
            ran.append(name)
    assert {"adam", "layer-norm", "mixture-2-5", "mnist", "tiny"} <= set(ran)
    known(fallen)
    assert fallen.keys() >= LAPACK.keys(), NO_PLACE


def test_the_examples(fallen, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    newton, picture = importlib.import_module("newton"), importlib.import_module("picture")
    x = np.array([-1.2, 1.0, 0.3])
    run(pb.value_and_grad(newton.valley), x)
    run(pb.hessian(newton.valley), x)
    run(pb.value_and_grad(picture.formula, argnums=(0, 1, 2)), *map(np.float64, (0.5, 4.0, 2.3)))
    model = pb.nn.Sequential(pb.nn.Flatten(), pb.nn.MLP(64, 64, 10, rng=0))
    train(model, pb.optim.AdamW(model.parameters(), lr=0.003), single(32, 8, 8), RNG.integers(0, 10, 32))
    run(lambda x, y: (model(x).argmax(axis=-1) == y).astype(float).mean(), single(9, 8, 8), RNG.integers(0, 10, 9))
    for name in ("newton", "picture"):
        sys.modules.pop(name)
    known(fallen)


@pytest.mark.parametrize("name", LOOPS)
def test_loops(fallen, name):
    f, args = LOOPS[name]
    run(pb.value_and_grad(lambda *moving: pb.sum(f(*moving))), *args)
    assert "loop" not in fallen, "the body of a loop is native"
    known(fallen)


def single(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def train(model, optimizer, x, y):
    """A training step."""
    criterion = pb.nn.CrossEntropyLoss()

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run(step, x, y)


class Attentive(pb.nn.Module):
    """A small language model with a causal mask."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = pb.nn.Embedding(30, 16, rng=0), pb.nn.Embedding(12, 16, rng=1)
        self.mixed, self.norm, self.out = pb.nn.Linear(16, 48, rng=2), pb.nn.LayerNorm(16), pb.nn.Linear(16, 30, rng=3)

    def forward(self, x):
        h = self.tokens(x) + self.places(np.arange(x.shape[1]))
        q, k, v = pb.split(self.mixed(self.norm(h)), 3, -1)
        scores = q @ pb.matrix_transpose(k) / 4
        masked = pb.where(pb.tril(pb.ones(scores.shape[1:])) > 0, scores, -np.inf)
        return self.out(h + pb.softmax(masked, axis=-1) @ v)[:, -1]


def test_models(fallen):
    images, labels = single(6, 1, 8, 8), RNG.integers(0, 4, 6)
    network = pb.nn.Sequential(
        pb.nn.Conv2d(1, 2, 3, rng=0),
        pb.nn.ReLU(),
        pb.nn.Conv2d(2, 3, 3, rng=0),
        pb.nn.MaxPool2d(2),
        pb.nn.Flatten(),
        pb.nn.Linear(12, 4, rng=0),
    )
    train(network, pb.optim.Adam(network.parameters(), lr=0.01), images, labels)
    language = Attentive()
    train(language, pb.optim.SGD(language.parameters(), lr=0.1), RNG.integers(0, 30, (5, 12)), RNG.integers(0, 30, 5))
    dropping = pb.nn.Sequential(pb.nn.Linear(8, 8, rng=0), pb.nn.Dropout(0.5, rng=0), pb.nn.Linear(8, 4, rng=0))
    train(dropping, pb.optim.SGD(dropping.parameters(), lr=0.1), single(6, 8), labels)
    known(fallen)
    assert fallen.keys() >= FALLBACKS.keys() - LAPACK.keys(), NO_PLACE
