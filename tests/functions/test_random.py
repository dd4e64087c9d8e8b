"""Randomness: every source that rng= takes, seeds, and independence of NumPy's global state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback as pb

DRAWS = {
    "normal": lambda rng: pb.random.normal(1.0, 2.0, (3, 2), rng=rng),
    "uniform": lambda rng: pb.random.uniform(-1.0, 3.0, 5, rng=rng),
    "integers": lambda rng: pb.random.integers(2, 9, (4,), rng=rng),
    "bernoulli": lambda rng: pb.random.bernoulli(0.3, 8, rng=rng),
    "permutation": lambda rng: pb.random.permutation(7, rng=rng),
}  # fmt: skip
NUMPY_S = {
    "normal": lambda g: g.normal(1.0, 2.0, (3, 2)), "uniform": lambda g: g.uniform(-1.0, 3.0, 5),
    "integers": lambda g: g.integers(2, 9, 4), "bernoulli": lambda g: g.uniform(size=8) < 0.3,
    "permutation": lambda g: g.permutation(7),
}  # fmt: skip

draws = pytest.mark.parametrize("name", DRAWS)


@draws
@pytest.mark.parametrize("seed", [0, 7, np.int64(7)])
def test_an_int_is_a_seed_and_the_numbers_are_numpy_s(name, seed):
    first, second = DRAWS[name](seed), DRAWS[name](seed)
    expected = NUMPY_S[name](np.random.default_rng(int(seed)))
    assert isinstance(first, pb.Tensor)
    assert not first.requires_grad
    assert first.tolist() == second.tolist() == expected.tolist()
    assert first.dtype == expected.dtype


@draws
def test_a_generator_goes_on(name):
    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(3):
        assert DRAWS[name](ours).tolist() == NUMPY_S[name](theirs).tolist()


@draws
def test_the_default_generator_goes_on_and_is_seeded(name):
    pb.seed(5)
    first = [DRAWS[name](None).tolist() for _ in range(3)]
    pb.seed(5)
    assert [DRAWS[name](None).tolist() for _ in range(3)] == first
    assert [NUMPY_S[name](g).tolist() for g in [np.random.default_rng(5)] for _ in range(3)] == first


@draws
def test_numpy_s_global_state_is_neither_read_nor_changed(name):
    np.random.seed(0)  # noqa: NPY002 (the state that must not matter)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (the state that must not matter)
    pb.seed(5)
    first = DRAWS[name](None).tolist()
    np.random.seed(99)  # noqa: NPY002 (the state that must not matter)
    pb.seed(5)
    assert DRAWS[name](None).tolist() == first
    np.random.seed(0)  # noqa: NPY002 (the state that must not matter)
    DRAWS[name](None)
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002 (the state that must not matter)


def test_drawing_from_a_generator_leaves_the_default_alone():
    pb.seed(1)
    expected = pb.random.uniform(size=3).tolist()
    pb.seed(1)
    pb.random.normal(size=10, rng=0)
    pb.random.normal(size=10, rng=np.random.default_rng(0))
    assert pb.random.uniform(size=3).tolist() == expected


@pytest.mark.parametrize("rng", ["0", 1.5, True, np.True_, [1], np.random.RandomState(0), np.random])
def test_what_is_no_source_of_randomness(rng):
    for draw in DRAWS.values():
        with pytest.raises(pb.OptionError, match="rng: not a source of randomness"):
            draw(rng)


@pytest.mark.parametrize("draw", [
    lambda: pb.random.normal(0.0, -1.0, 2), lambda: pb.random.integers(5, 2), lambda: pb.random.uniform(size=-1),
    lambda: pb.random.normal(size=(2, -1)),
])  # fmt: skip
def test_parameters_that_make_no_sense(draw):
    with pytest.raises(pb.OptionError, match=r"random\.\w+: ") as raised:
        draw()
    assert isinstance(raised.value, ValueError)


def test_shapes_and_dtypes():
    assert pb.random.normal().shape == ()
    assert pb.random.uniform(size=3).shape == (3,)
    assert pb.random.uniform(size=[2, 3]).shape == (2, 3)
    assert pb.random.normal(size=(0, 3)).shape == (0, 3)
    assert pb.random.normal(size=2, dtype=np.float32).dtype == np.float32
    assert pb.random.uniform(size=2, dtype=np.float16).dtype == np.float16
    assert pb.random.integers(3).dtype == np.int64
    assert pb.random.bernoulli(0.5, (2, 2)).dtype == bool


def test_bounds():
    u = pb.random.uniform(2.0, 3.0, 1000, rng=0).numpy()
    assert 2.0 <= u.min() < 2.01
    assert 2.99 < u.max() < 3.0
    assert set(pb.random.integers(3, size=100, rng=0).tolist()) == {0, 1, 2}
    assert not pb.random.bernoulli(0.0, 100, rng=0).any()
    assert pb.random.bernoulli(1.0, 100, rng=0).all()
    assert sorted(pb.random.permutation(50, rng=0).tolist()) == list(range(50))


def test_draws_are_constants_of_a_graph():
    x = pb.tensor(np.ones(4), requires_grad=True)
    noise = pb.random.normal(size=4, rng=0)
    (x * noise).sum().backward()
    assert x.grad.tolist() == noise.tolist()
    assert pb.grad(lambda x: (x * pb.random.normal(size=4, rng=0)).sum())(np.ones(4)).tolist() == noise.tolist()


WORKERS = """
import json, multiprocessing, sys
import pullback as pb

if sys.argv[2] == "top":
    pb.seed(3)

def work(place, queue):
    queue.put((place, pb.random.uniform(size=2).tolist()))

if __name__ == "__main__":
    pb.seed(3)
    context = multiprocessing.get_context(sys.argv[1])
    drawn = []
    for place in range(3):
        queue = context.SimpleQueue()
        worker = context.Process(target=work, args=(place, queue))
        worker.start()
        drawn.append(queue.get())
        worker.join()
    print(json.dumps([numbers for _, numbers in sorted(drawn)] + [pb.random.uniform(size=2).tolist()]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor forkserver")
@pytest.mark.parametrize(
    ("how", "seeded"), [("fork", "main"), ("spawn", "main"), ("spawn", "top"), ("forkserver", "top")]
)
def test_workers_draw_numbers_of_their_own(how, seeded, tmp_path):
    """And the same ones in each run, where the seed is one that they see."""
    (tmp_path / "script.py").write_text(WORKERS)
    path = os.pathsep.join([str(Path(pb.__file__).parents[1])])

    def run():
        said = subprocess.run(
            [sys.executable, tmp_path / "script.py", how, seeded],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return json.loads(said.stdout)

    drawn = run()
    assert len({tuple(numbers) for numbers in drawn}) == 4
    assert drawn[-1] == np.random.default_rng(3).uniform(size=2).tolist()  # the parent draws as if alone
    if how == "fork" or seeded == "top":
        assert run() == drawn
