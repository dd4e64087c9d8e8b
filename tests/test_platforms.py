"""Other systems: what Linux has and others lack, taken away."""

from __future__ import annotations

import errno
import io
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from pullback.compiler.machine.cache import ObjectCache
from pullback.core import origin, threads
from pullback.interop import atomic
from pullback.interop.atomic import write_atomically
from pullback.training import claim
from pullback.training.claim import Claim
from pullback.training.interrupts import Interrupts


def refusing(monkeypatch, times, error):
    """Let so many attempts to give a file another's name fail."""
    attempts, true = [], Path.replace

    def replace(self, target):
        attempts.append(target)
        if len(attempts) <= times:
            raise error
        return true(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(atomic.time, "sleep", lambda _: None)
    return attempts


def test_windows_lets_go_of_a_file_that_somebody_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "WINDOWS", True)
    attempts = refusing(monkeypatch, 3, PermissionError(errno.EACCES, "in use"))
    write_atomically(tmp_path / "file", b"new")
    assert len(attempts) == 4
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_file_that_is_never_let_go_is_told(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(atomic, "WINDOWS", True)
    attempts = refusing(monkeypatch, 100, PermissionError(errno.EACCES, "in use"))
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", b"new")
    assert len(attempts) == 6
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_elsewhere_a_refusal_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "WINDOWS", False)
    attempts = refusing(monkeypatch, 100, PermissionError(errno.EACCES, "no"))
    with pytest.raises(PermissionError):
        write_atomically(tmp_path / "file", b"new")
    assert len(attempts) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_a_file_system_need_not_know_how_to_sync_a_folder(tmp_path, monkeypatch):
    true, numbers = os.fsync, [errno.EINVAL]

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(numbers[0], "no")
        true(descriptor)

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    assert write_atomically(tmp_path / "file", b"new").read_bytes() == b"new"
    numbers[0] = errno.EIO
    with pytest.raises(OSError, match="no"):
        write_atomically(tmp_path / "file", b"newer")


def test_a_system_without_locks_grants_each_claim(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "fcntl", None, raising=False)
    monkeypatch.setattr(claim, "msvcrt", None, raising=False)
    if sys.platform == "win32":
        monkeypatch.setattr(claim, "_lock", lambda _: None)
    one, other = Claim(tmp_path), Claim(tmp_path)
    one.release()
    other.release()


def test_cores_are_counted_without_affinity(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert threads.default_threads() == 5
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads.default_threads() == 1


def test_code_that_another_process_keeps_is_no_obstacle(tmp_path, monkeypatch):
    cache = ObjectCache(tmp_path / "objects")
    cache.store("entry", b"code")
    assert cache.load("entry") == b"code"
    refusing(monkeypatch, 100, PermissionError(errno.EACCES, "in use"))
    cache.store("entry", b"code")
    assert cache.obstacle is None
    cache.store("another", b"code")
    assert "cannot be written to" in cache.obstacle
    assert len([*cache.folder.iterdir()]) == 1


def test_capitals_of_paths_do_not_matter_where_the_system_says_so(monkeypatch):
    monkeypatch.setattr(origin.os.path, "normcase", str.lower)
    monkeypatch.setattr(origin, "_OURS", tuple(map(str.lower, origin._OURS)))
    origin.owner_of.cache_clear()
    try:
        assert origin.owner_of(origin.__file__.replace("origin", "ORIGIN")) == "ours"
    finally:
        origin.owner_of.cache_clear()


def test_a_second_signal_ends_the_process_where_kill_cannot(monkeypatch):
    raised = []
    monkeypatch.setattr(signal, "raise_signal", raised.append)
    monkeypatch.delattr(os, "kill", raising=False)
    interrupts = Interrupts()
    with interrupts:
        interrupts._note(signal.SIGINT, None)
        interrupts._since -= 1
        interrupts._note(signal.SIGINT, None)
    assert raised == [signal.SIGINT]


def test_a_console_that_lacks_letters_shows_others(monkeypatch):
    from pullback.cli import main

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as left:
        main(["grad", "x**2", "x=3"])
    assert not left.value.code
    print("µ × →")
    stream.flush()
    assert stream.buffer.getvalue().endswith(b"? ? ?\n")
