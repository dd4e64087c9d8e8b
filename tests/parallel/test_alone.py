"""A world of one, and what needs no other process: parts of batches, numbers drawn, and missing launchers."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import DataError, DTypeError, GraphError, OptionError
from pullback.parallel import launcher as launching
from pullback.parallel.exchange import World, _disagreement
from pullback.parallel.world import world
from pullback.training import DataParallel, Trainer


def rank_of(rank, size):
    """Data-parallel training as one of several ranks would have it, as far as nothing is exchanged."""
    parallel = DataParallel()
    parallel._world = World()
    parallel._world.rank, parallel._world.size = rank, size
    return parallel


def test_a_process_that_is_alone_keeps_what_it_has():
    x = pb.tensor([1.0, 2.0])
    tree = pb.parallel.all_reduce({"x": x, "n": 3.0})
    assert tree["x"] is x
    assert tree["n"].item() == 3.0
    assert pb.parallel.broadcast(x) is x
    pb.parallel.barrier()
    assert (pb.parallel.rank(), pb.parallel.size()) == (0, 1)
    assert pb.compile(lambda x: pb.parallel.all_reduce(x * 2))(x).tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: pb.parallel.all_reduce(1.0, "median"), OptionError, "there is no such op"),
        (lambda: pb.parallel.all_reduce(1), DTypeError, "this dtype cannot be so"),
        (lambda: pb.parallel.all_reduce(np.array(["a"]), "sum"), DTypeError, "this dtype cannot be so"),
        (lambda: pb.parallel.broadcast(1.0, root=1), OptionError, "there is no such rank"),
        (lambda: pb.parallel.barrier(timeout=-1), OptionError, "timeout is not possible"),
        (lambda: pb.grad(pb.parallel.all_reduce)(1.0), GraphError, "has no derivative"),
    ],
)
def test_what_cannot_be_exchanged_is_refused_alone_too(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_parameters_are_averaged_where_nothing_is_recorded():
    w = pb.tensor([1.0], requires_grad=True)
    with pytest.raises(GraphError):
        pb.parallel.all_reduce(w)
    with pb.no_grad():
        assert pb.parallel.all_reduce(w) is w


def learned(**options):
    x = np.linspace(-1, 1, 20)[:, None]
    model = pb.nn.Sequential(pb.nn.Linear(1, 3, rng=0), pb.nn.Dropout(0.2, rng=1), pb.nn.Linear(3, 1, rng=2))
    optimizer = pb.optim.SGD(model.parameters(), lr=0.1)
    trainer = Trainer(model, pb.nn.MSELoss(), optimizer, compile=False, **options)
    trainer.fit(pb.data.DataLoader((x.astype("f"), x.astype("f")), batch_size=8, shuffle=True, rng=0), epochs=2)
    return [parameter.numpy() for parameter in model.parameters()]


def test_training_alone_is_the_same_to_the_bit():
    for one, other in zip(learned(), learned(parallel=DataParallel()), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("samples", [8, 9, 2])
def test_the_parts_of_a_batch_are_the_batch(samples, size):
    batch = {"x": np.arange(2 * samples).reshape(samples, 2), "y": pb.arange(samples), "temperature": np.float64(3)}
    parts = [rank_of(rank, size).part(batch) for rank in range(size)]
    shares = [share for _, share in parts]
    assert sum(shares) == pytest.approx(1)
    assert all(len(part["x"]) == len(part["y"]) == max(1, round(share * samples)) for part, share in parts)
    for name in "xy":
        joined = np.concatenate([np.asarray(part[name]) for part, share in parts if share])
        assert np.array_equal(joined, np.asarray(batch[name]))
    assert parts[0][0]["temperature"] == 3


def test_a_batch_of_other_axes_is_refused():
    with pytest.raises(DataError, match="cannot be parted"):
        rank_of(0, 2).part((np.zeros((4, 2)), np.zeros((2, 4))))


def test_each_rank_draws_numbers_of_its_own_and_goes_on_as_all_do():
    def drawn(rank, kind):
        rng = np.random.Generator(kind(7))
        trainer = Trainer(
            pb.nn.Dropout(0.5, rng=rng), lambda x, y: x, pb.optim.SGD([pb.tensor([1.0], requires_grad=True)], lr=1.0)
        )
        with rank_of(rank, 3).drawing(trainer):
            numbers = rng.random(4)
        return numbers, rng.random()

    for kind in (np.random.PCG64, np.random.MT19937):
        (a, after), (b, other), (again, _) = drawn(0, kind), drawn(1, kind), drawn(0, kind)
        assert not np.isin(a, b).any()
        assert np.array_equal(a, again)
        assert after == other


def test_who_differs_is_named():
    error = _disagreement("all_reduce", ["call\t1\nvalue\t<f8 (3,)", "call\t1\nvalue\t<f8 (4,)", "call\t2"])
    assert error.facts["differs"] == "value"
    assert (error.facts["rank 0"], error.facts["rank 1"]) == ("value: <f8 (3,)", "value: <f8 (4,)")
    assert error.facts["ranks"] == "1, 2 differ from rank 0"


def test_several_ranks_without_mpi_are_an_error_with_the_fix(monkeypatch):
    monkeypatch.setenv("PULLBACK_RANKS", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    with pytest.raises(OptionError, match=r"pip install 'pullback\[mpi\]'"):
        world.__wrapped__()


@pytest.mark.parametrize("missing", ["mpi4py", "mpiexec"])
def test_what_is_missing_to_launch_is_named(monkeypatch, missing):
    monkeypatch.setattr(launching, "find_spec", lambda name: None if missing == name else object())
    monkeypatch.setattr(launching.shutil, "which", lambda *_, **__: None if missing == "mpiexec" else "/bin/mpiexec")
    with pytest.raises(OptionError) as found:
        launching.launch(2, "pullback", ["info"], {})
    assert found.value.facts["missing"] == missing
    assert "pullback[mpi]" in found.value.facts["fix"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such launchers")
def test_the_exit_status_is_that_of_the_launcher(monkeypatch, tmp_path):
    script = tmp_path / "mpiexec"
    script.write_text('#!/bin/sh\n[ "$1 $2" = "-n 3" ] && [ "$PULLBACK_RANKS" = 3 ] && exit 5\n')
    script.chmod(0o700)
    monkeypatch.setattr(launching, "launcher", lambda: str(script))
    assert launching.launch(3, "pullback", [], {}) == 5


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such launchers")
@pytest.mark.parametrize("version", ["mpiexec (Open MPI) 5.0.11", "HYDRA build details:"])
def test_only_a_launcher_that_can_lets_ranks_go_on(monkeypatch, tmp_path, version):
    script = tmp_path / "mpiexec"
    shown = f'[ "$1" = --version ] && echo "{version}" && exit 0'
    script.write_text(f'#!/bin/sh\n{shown}\n[ "$1 $2 $3 $4" = "--with-ft ulfm -n 3" ] && exit 6\n')
    script.chmod(0o700)
    monkeypatch.setattr(launching, "launcher", lambda: str(script))
    if "Open MPI" in version:
        assert launching.launch(3, "pullback", [], {}, survive=True) == 6
    else:
        with pytest.raises(OptionError, match="ends all ranks where one dies") as found:
            launching.launch(3, "pullback", [], {}, survive=True)
        assert found.value.facts["got"] == version


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--survive"], "of several processes"),
        (["--shard", "--ranks", "1"], "of several processes"),
        (["--survive", "--shard", "--ranks", "2"], "what a rank kept alone dies with it"),
    ],
)
def test_options_of_ranks_that_do_not_go_together(capsys, options, said):
    from pullback.cli import main

    with pytest.raises(SystemExit) as left:
        main(["train", *options])
    assert left.value.code == 2
    assert said in capsys.readouterr().err


def test_the_command_hands_its_options_to_the_ranks(monkeypatch):
    from types import SimpleNamespace

    from pullback.cli import train

    def task(parallel):
        return SimpleNamespace(trainer=SimpleNamespace(parallel=parallel))

    made = train._parallel(task(None), {"shard": True})
    assert made._shard
    assert train._parallel(task(None), {"survive": True})._survival is not None
    assert train._parallel(task(made), {}) is made
    with pytest.raises(OptionError, match="its own parallel=") as found:
        train._parallel(task(made), {"shard": True})
    assert found.value.facts["fix"] == "DataParallel(shard=True) in the factory"


def test_ranks_are_started_from_the_command_line_alone(capsys):
    from pullback.cli import main

    with pytest.raises(SystemExit) as left:
        main(["train", "--ranks", "2"])
    assert left.value.code == 2
    assert "from the command line" in capsys.readouterr().err
