"""What the tests let several ranks do: `python -m mpi4py ranks.py WHAT [FOLDER]`."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import ParallelError
from pullback.tensors import Tensor
from pullback.training import DataParallel, Trainer, checkpoint

P = pb.parallel
RANK, SIZE = P.rank(), P.size()


def collectives(_folder: Path) -> None:
    """Trees, operations and dtypes; eager and compiled; and who differs is named, and ends it."""
    ranks = np.arange(SIZE)
    tree = {"a": np.arange(3.0) * RANK, "b": [pb.ones((2, 2), dtype=np.float32) * RANK, np.arange(0.0)], "c": 1j * RANK}
    mean = P.all_reduce(tree)
    assert mean["a"].numpy().tolist() == (np.arange(3.0) * ranks.mean()).tolist()
    assert mean["b"][0].dtype == np.float32
    assert (mean["b"][0].numpy() == ranks.mean()).all()
    assert mean["b"][1].shape == (0,)
    assert mean["c"].item() == 1j * ranks.mean()
    assert P.all_reduce(RANK, "sum").item() == ranks.sum()
    assert P.all_reduce(np.int8(RANK), "max").item() == SIZE - 1
    assert P.all_reduce(-RANK, "min").item() == 1 - SIZE
    assert P.all_reduce(np.float16(RANK)).item() == ranks.mean()
    assert (P.broadcast(np.arange(5) + RANK, root=SIZE - 1).numpy() == np.arange(5) + SIZE - 1).all()
    P.barrier(timeout=60)

    # The sum is in the order of the ranks, and the same everywhere to the bit.
    mine = np.random.default_rng(RANK).normal(size=1001)
    ordered = sum(
        (np.random.default_rng(r).normal(size=1001) for r in ranks[1:]), np.random.default_rng(0).normal(size=1001)
    )
    assert np.array_equal(P.all_reduce(mine, "sum").numpy(), ordered)

    def step(w: Tensor, x: Tensor) -> Tensor:
        w.grad = None
        loss = ((w * x) ** 2).sum()
        loss.backward()
        with pb.no_grad():
            w.grad, total = P.all_reduce((w.grad, loss))
            w.assign(w - 0.01 * w.grad)
        return total

    eager, native = (pb.tensor(np.ones(4), requires_grad=True) for _ in range(2))
    compiled = pb.compile(lambda x: step(native, x))
    for number in range(4):
        x = pb.tensor(np.arange(4.0) + RANK + number)
        np.testing.assert_allclose(compiled(x).numpy(), step(eager, x).numpy(), rtol=1e-14)
    np.testing.assert_allclose(native.numpy(), eager.numpy(), rtol=1e-14)
    assert np.array_equal(P.broadcast(native).numpy() if not native.requires_grad else native.numpy(), native.numpy())
    assert "run as a program" in str(compiled.explain())

    with pytest.raises(ParallelError) as found:
        P.all_reduce({"w": np.zeros(2), "b": np.zeros(RANK + 1)})
    assert found.value.facts["differs"] == "value 1"
    assert found.value.facts["rank 1"] == "value 1: <f8 (2,)"
    with pytest.raises(ParallelError, match="no longer stand at the same place"):
        P.barrier()
    print("all is well", flush=True)


def trainer(**options: object) -> tuple[Trainer, pb.data.DataLoader]:
    """A small network, in double precision, whose parameters differ from rank to rank until they are made the same."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(42, 3))
    y = np.sin(x.sum(axis=1, keepdims=True))
    layers = [pb.nn.Linear(3, 16, dtype=float, rng=RANK), pb.nn.Tanh(), pb.nn.Linear(16, 1, dtype=float, rng=RANK)]
    if options.pop("dropout", False):
        layers.insert(2, pb.nn.Dropout(0.5, rng=RANK))
    model = pb.nn.Sequential(*layers)
    optimizer = pb.optim.Adam(model.parameters(), lr=0.05)
    parallel = DataParallel(
        timeout=60, survive=bool(options.pop("survive", False)), shard=bool(options.pop("shard", False))
    )
    made = Trainer(model, pb.nn.MSELoss(), optimizer, parallel=parallel, **options)
    return made, pb.data.DataLoader((x, y), batch_size=9, shuffle=True, rng=5)


def training(folder: Path) -> None:
    """Learn, by several ranks: all with one number of steps, then on to another; the weights go into a file."""
    learner, loader = trainer(clip_norm=0.5)
    learner.fit(loader, loader, steps=6, folder=folder / "run")
    learner.fit(loader, loader, steps=11)
    again, _ = trainer(compile=False, accumulate=2)
    again.fit(loader, steps=4)
    drawn, _ = trainer(dropout=True, compile=False)
    drawn.fit(loader, steps=3, folder=folder / "drawn")
    drawn.fit(loader, steps=7)
    resumed, _ = trainer(dropout=True, compile=False)
    resumed.fit(loader, steps=7, folder=folder / "drawn", resume=True)
    for one, other in zip(drawn.model.parameters(), resumed.model.parameters(), strict=True):
        assert np.array_equal(one.numpy(), other.numpy())
    shared, _ = trainer(clip_norm=0.5, shard=True)
    shared.fit(loader, steps=6, folder=folder / "shards")
    later, _ = trainer(clip_norm=0.5, shard=True)
    later.fit(loader, loader, steps=11, folder=folder / "shards", resume=True)
    for one, other in zip(learner.model.parameters(), later.model.parameters(), strict=True):
        assert np.array_equal(one.numpy(), other.numpy())  # to the bit as where each rank keeps all
    kept, whole = (sum(t.size for t in made.optimizer.param_groups[0].kept()) for made in (later, learner))
    assert P.all_reduce(kept, "sum").item() == whole
    assert kept < whole
    if RANK == 0:
        for name, one in (("weights", learner), ("gathered", again)):
            np.savez(folder / f"{name}.npz", **{n: p.numpy() for n, p in one.model.named_parameters()})
    print(f"loss {learner.evaluate(loader)['loss']:.17g}", flush=True)


def seed(_folder: Path) -> None:
    """The ranks' data have different orders."""
    learner, loader = trainer()
    loader.seed = 5 + RANK
    learner.fit(loader, steps=3)


def faulty(where: str, learner: Trainer, rank: int) -> None:
    """Let a rank be killed between steps, while gradients are added up, or while it saves."""

    def killed(now: bool) -> None:
        if now and rank == RANK:
            os.kill(os.getpid(), signal.SIGKILL)

    world = learner.parallel._world
    learn, gathered, save, seen = learner.learn, world._gathered, checkpoint.save, []

    def learning(batches: object) -> object:
        killed(where == "between" and learner.step == 5)
        return learn(batches)

    def gathering(*args: object) -> object:
        seen.append(learner.step)
        killed(where == "adding" and seen.count(5) == 2)  # after the agreement about the step
        return gathered(*args)

    def saving(path: Path, *args: object) -> None:
        Path(f"{path}.tmp").write_bytes(b"half")
        killed(where == "saving")
        save(path, *args)

    learner.learn = learning  # type: ignore[method-assign]  # a fault on purpose
    world._gathered = gathering  # type: ignore[method-assign]  # a fault on purpose
    checkpoint.save = saving


def dies(folder: Path, where: str = "between") -> None:
    """A rank is killed, and the launcher ends the others."""
    learner, loader = trainer(compile=False)
    learner.fit(loader, steps=4, folder=folder / "run")
    faulty(where, learner, rank=0)
    learner.fit(loader, steps=11, folder=folder / "run", resume=True)


def survives(folder: Path, where: str = "between", rank: str = "0") -> None:
    """A rank is killed, and the others go on without it; the first of them writes."""
    learner, loader = trainer(clip_norm=0.5, compile=where == "adding", survive=True)
    learner.fit(loader, steps=4, folder=folder / "run")
    faulty(where, learner, rank=int(rank))
    with warnings.catch_warnings():
        warnings.simplefilter("default", pb.PullbackWarning)
        learner.fit(loader, steps=11, folder=folder / "run", resume=True)
    if P.rank() == 0:
        np.savez(folder / "weights.npz", **{n: p.numpy() for n, p in learner.model.named_parameters()})
        print("survived by", P.size(), flush=True)


def raises(_folder: Path) -> None:
    """An error of one rank."""
    if RANK:
        raise ValueError("only here")
    P.barrier()


def late(_folder: Path) -> None:
    """A rank that never comes."""
    if RANK == 0:
        P.barrier(timeout=0.5)
    os.read(os.pipe()[0], 1)


def not_finite(_folder: Path) -> None:
    """A loss that runs over, in the part of one rank."""
    learner, loader = trainer(compile=False)
    whole = learner.learn
    bad = np.full((9, 3), np.inf)
    learner.learn = lambda batches: whole([(bad, bad[:, :1])] if learner.step == 2 else batches)  # type: ignore[method-assign]  # a fault on purpose
    learner.fit(loader, steps=20)


if __name__ == "__main__":
    globals()[sys.argv[1]](*map(Path, sys.argv[2:3] or ["."]), *sys.argv[3:])
