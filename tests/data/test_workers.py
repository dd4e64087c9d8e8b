"""Processes that make batches: the same batches, in order, and a clean end whatever happens."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import pullback as pb
from pullback.core.errors import DataError, OptionError
from pullback.data import Augmented, DataLoader, Dataset, TensorDataset, TokenWindows, augment, create_array, open_array
from pullback.data.workers import WorkerError

METHODS = ["fork", "spawn"]
IMAGES = np.arange(26 * 16, dtype=np.float32).reshape(26, 4, 4)


class Drawn(Dataset):
    """Samples that are drawn from all generators of the process, with the number of the process."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return (
            np.random.rand(),  # noqa: NPY002 - as a data set of one's own may
            random.random(),
            pb.random.uniform().item(),
            os.getpid(),
        )


class Failing(Dataset):
    """Its sample 5 is not there."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 5:
            return {}[index]
        return index


class OddError(Exception):
    """An error that no other process can be sent."""

    def __init__(self, one, two):
        super().__init__(one)


class FailingOddly(Failing):
    def __getitem__(self, index):
        raise OddError("one", "two")


class Deadly(Failing):
    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


class Trees(Failing):
    def __getitem__(self, index):
        return {"x": np.full(3, index), "y": (index, np.float32(0.5)), "none": np.empty((0, 2))}


def values(loader, epoch=0, start=0):
    return [[part.numpy() for part in batch] for batch in loader.batches(epoch, start)]


def same(one, other):
    assert len(one) == len(other)
    for parts, others in zip(one, other, strict=True):
        for part, another in zip(parts, others, strict=True):
            assert part.dtype == another.dtype
            np.testing.assert_array_equal(part, another)


def blocks():
    """Blocks of shared memory that are there."""
    place = Path("/dev/shm")
    return set(place.iterdir()) if place.exists() else set()


def left(before):
    """Blocks that came since and stay; those of tests that run beside this one go by themselves."""
    found, end = blocks() - before, time.monotonic() + 60
    while any(block.exists() for block in found) and time.monotonic() < end:
        time.sleep(0.05)
    return {block for block in found if block.exists()}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("workers", [1, 3])
def test_batches_are_the_same_and_in_order(method, workers):
    data = Augmented((IMAGES, np.arange(26)), augment.shift(1), augment.noise(0.1), rng=3)
    plain = DataLoader(data, 4, shuffle=True, rng=7)
    before = blocks()
    loader = DataLoader(data, 4, shuffle=True, rng=7, num_workers=workers, start_method=method)
    for epoch in (0, 1):
        same(values(loader, epoch), values(plain, epoch))
    same(values(loader, 1, 3), values(plain, 1, 3))
    same(values(loader, 1, len(loader)), [])
    assert len(loader._idle) == 1  # one pool for all epochs
    del loader
    assert not left(before)


@pytest.mark.parametrize("method", METHODS)
def test_random_numbers_differ_between_batches_and_not_by_the_number_of_workers(method):
    found = []
    for workers in (1, 2):
        loader = DataLoader(Drawn(), 2, rng=1, num_workers=workers, start_method=method)
        rows = [[part.tolist() for part in batch] for epoch in (0, 1) for batch in loader.batches(epoch)]
        assert len({pid for row in rows for pid in row[3]}) == workers
        assert os.getpid() not in {pid for row in rows for pid in row[3]}
        found.append([row[:3] for row in rows])
    assert found[0] == found[1]
    drawn = [number for row in found[0] for part in row for number in part]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("method", METHODS)
def test_an_error_comes_back_as_it_was_with_its_traceback(method):
    before = blocks()
    loader = DataLoader(Failing(), 2, num_workers=2, start_method=method)
    with pytest.raises(KeyError) as caught:
        values(loader)
    assert isinstance(caught.value.__cause__, WorkerError)
    assert "return {}[index]" in str(caught.value.__cause__)
    assert "in worker 0" in str(caught.value.__cause__)
    assert len(list(loader.batches(0, start=3))) == 1  # it goes on, with new processes
    del loader, caught
    assert not left(before)


def test_an_error_that_cannot_be_sent_is_told():
    with pytest.raises(DataError, match="a worker failed") as caught:
        values(DataLoader(FailingOddly(), 2, num_workers=1))
    assert "OddError: one" in str(caught.value.__cause__)


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_that_is_killed_is_told_of(method):
    with pytest.raises(DataError, match="a worker died") as caught:
        values(DataLoader(Deadly(), 2, num_workers=2, start_method=method))
    assert caught.value.facts["got"] == "signal SIGKILL"


def test_a_loop_that_is_left_ends_its_workers():
    before = blocks()
    loader = DataLoader(IMAGES, 2, num_workers=2)
    batches = loader.batches(0)
    next(batches)
    processes = [*batches.gi_frame.f_locals["workers"]._processes]
    assert all(process.is_alive() for process in processes)
    batches.close()
    assert not any(process.is_alive() for process in processes)
    assert not left(before)


def test_two_loops_at_once_have_workers_of_their_own():
    loader = DataLoader(IMAGES, 4, shuffle=True, rng=0, num_workers=1)
    pairs = list(zip(loader.batches(0), loader.batches(1), strict=True))
    plain = DataLoader(IMAGES, 4, shuffle=True, rng=0)
    same([[part.numpy() for part in one] for one, _ in pairs], values(plain, 0))
    same([[part.numpy() for part in other] for _, other in pairs], values(plain, 1))


ORPHANS = """
import os, signal, sys
import numpy as np
from pullback.data import DataLoader
if __name__ == "__main__":
    batches = DataLoader(np.zeros((64, 8)), 2, num_workers=3, start_method=sys.argv[1]).batches(0)
    next(batches)
    print(*[process.pid for process in batches.gi_frame.f_locals["workers"]._processes], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("method", METHODS)
def test_workers_end_when_their_parent_is_killed(method, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ORPHANS)
    path = str(Path(pb.__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, script, method], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:  # fmt: skip
        pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 3
    done = threading.Event()
    for _ in range(300):
        if not any(map(alive, pids)):
            break
        done.wait(0.1)  # until the last one has noticed
    assert not any(map(alive, pids))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_cannot_be_sent_is_told():
    class Local(Failing):
        pass

    with pytest.raises(OptionError, match="cannot be sent to a worker"):
        values(DataLoader(Local(), 2, num_workers=1, start_method="spawn"))


def test_trees_of_arrays_come_through(tmp_path):
    (batch, *_) = DataLoader(Trees(), 2, num_workers=1).batches(0)
    assert batch["x"].numpy().tolist() == [[0, 0, 0], [1, 1, 1]]
    assert batch["y"][0].numpy().tolist() == [0, 1]
    assert batch["y"][1].dtype == np.float32
    assert batch["none"].shape == (2, 0, 2)


@pytest.mark.parametrize("method", METHODS)
def test_a_mapped_array_is_sent_by_its_name(method, tmp_path):
    array = create_array(tmp_path / "a.npy", (40, 3), np.int32)
    array[:] = np.arange(120).reshape(40, 3)
    array.flush()
    mapped = open_array(tmp_path / "a.npy")
    data = TensorDataset(mapped[3:], mapped[3:, 1])
    sent = data.__getstate__()
    assert [part.shape for part in sent] == [(37, 3), (37,)]
    assert not any(isinstance(part, np.ndarray) for part in sent)
    same(values(DataLoader(data, 5, num_workers=2, start_method=method)), values(DataLoader(data, 5)))
    windows = TokenWindows(open_array(tmp_path / "a.npy").reshape(-1), 4)
    assert not isinstance(windows.__getstate__()["tokens"], np.ndarray)
    same(values(DataLoader(windows, 9, num_workers=1, start_method=method)), values(DataLoader(windows, 9)))


@pytest.mark.parametrize(
    ("options", "words"), [({"num_workers": -1}, "num_workers"), ({"start_method": "thread"}, "no such start_method")]
)
def test_what_cannot_be_is_refused(options, words):
    with pytest.raises(OptionError, match=words):
        DataLoader(np.ones(3), **options)
