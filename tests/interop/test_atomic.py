"""Whatever fails while a file is written, the old content or the new one is there, and nothing else."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pullback.interop.atomic import clear_leftovers, write_atomically

STEPS = ("open", "write", "fsync file", "replace", "fsync folder")


class Crash(BaseException):
    """Not an Exception, so that nothing treats it as a failure that it knows."""


def break_at(step, monkeypatch, action):
    """Make one step of the writer fail, by doing `action` in its place."""
    real_open, real_fsync = Path.open, os.fsync
    synced = []

    def broken_open(path, mode="r", *rest, **options):
        if "x" in mode and step == "open":
            action()
        file = real_open(path, mode, *rest, **options)
        if "x" in mode and step == "write":
            file.write(b"ne")  # a part reaches the disk
            file.flush()
            action()
        return file

    def broken_fsync(descriptor):
        synced.append(descriptor)
        if step == ("fsync file", "fsync folder")[len(synced) - 1]:
            action()
        return real_fsync(descriptor)

    def broken_replace(path, target):
        if step == "replace":
            action()
        return os.replace(path, target)  # noqa: PTH105 - Path.replace is what stands broken here

    monkeypatch.setattr(Path, "open", broken_open)
    monkeypatch.setattr(Path, "replace", broken_replace)
    monkeypatch.setattr(os, "fsync", broken_fsync)


@pytest.mark.parametrize("crash", [OSError("no space left"), Crash()], ids=["error", "crash"])
@pytest.mark.parametrize("step", STEPS)
def test_a_failure_leaves_old_or_new(step, crash, tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "state", b"old")

    def fail():
        raise crash

    with monkeypatch.context() as patch:
        break_at(step, patch, fail)
        with pytest.raises(type(crash)):
            write_atomically(path, b"new content")
    assert path.read_bytes() == (b"new content" if step == "fsync folder" else b"old")
    assert list(tmp_path.iterdir()) == [path]  # no part is left behind


DIE = """
import os, sys
import pytest
from {module} import break_at
from pullback.interop.atomic import write_atomically
break_at(sys.argv[1], pytest.MonkeyPatch(), lambda: os._exit(9))
write_atomically("state", b"new content")
"""


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_process_leaves_old_or_new(step, tmp_path):
    path = write_atomically(tmp_path / "state", b"old")
    script = textwrap.dedent(DIE).format(module=Path(__file__).stem)
    here = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    died = subprocess.run(
        [sys.executable, "-c", script, step],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": here}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert died.returncode == 9, died.stderr
    assert path.read_bytes() == (b"new content" if step == "fsync folder" else b"old")
    write_atomically(path, b"newer")  # what the dead one left does not stand in the way
    assert path.read_bytes() == b"newer"
    (tmp_path / ".other.0a1b2c3d.tmp").write_bytes(b"another's")
    clear_leftovers(path)
    assert {p.name for p in tmp_path.iterdir()} == {"state", ".other.0a1b2c3d.tmp"}


def test_the_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    real_fsync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda file: (calls.append("fsync"), real_fsync(file)))
    monkeypatch.setattr(Path, "replace", lambda a, b: (calls.append("replace"), real_replace(a, b)))
    write_atomically(tmp_path / "state", b"x")
    assert calls == ["fsync", "replace", "fsync"]


def test_a_missing_folder_is_the_callers_to_explain(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "nowhere" / "state", b"x")


@pytest.mark.parametrize("name", ["absent/state", "folder"])
def test_an_error_names_the_file_that_was_asked_for(name, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"No such file|directory") as caught:
        write_atomically(tmp_path / name, b"new")
    assert str(caught.value).endswith(f": '{tmp_path / name}'")


@pytest.mark.parametrize("step", ["fsync file", "replace"])
def test_of_a_full_disk_the_file_is_named(step, tmp_path, monkeypatch):
    def fail():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    break_at(step, monkeypatch, fail)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_atomically(tmp_path / "state", b"new")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "state"))
