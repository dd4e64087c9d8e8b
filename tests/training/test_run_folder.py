"""A run's folder: made once, found again, and never written over."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path

import pytest

from pullback.core.errors import OptionError
from pullback.interop.atomic import write_atomically
from pullback.training.run_folder import RunFolder
from pullback.training.settings import layered, read_toml


@pytest.fixture
def settings():
    return layered({"steps": 3})


def test_runs_are_numbered(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "digits-2").mkdir(parents=True)
    made = [RunFolder.create(None, "digits", settings.toml()).path.name for _ in range(3)]
    assert made == ["digits-1", "digits-3", "digits-4"]


def test_the_settings_are_found_again(tmp_path, settings):
    folder = RunFolder.create(tmp_path / "a" / "b", "digits", settings.toml())
    write_atomically(folder.checkpoint, b"")
    assert layered(read_toml(RunFolder.open(tmp_path / "a" / "b").config)) == settings


def test_a_shell_reads_the_folder_out_of_a_message(tmp_path, monkeypatch, settings):
    monkeypatch.chdir(tmp_path)
    for name in ("a b; é'$(x)", "-x", "plain"):
        folder = RunFolder.create(name, "digits", settings.toml())
        with pytest.raises(OptionError) as caught:
            RunFolder.create(name, "digits", settings.toml())
        option, path, *_ = shlex.split(caught.value.facts["fix"].partition("it: ")[2].partition("; or")[0])
        assert (option, Path(path)) == ("--resume", folder.path)
        assert not path.startswith("-")


@pytest.mark.parametrize("name", ["config.toml", "model.safetensors", "metrics.jsonl"])
def test_what_lies_there_is_not_written_over(name, tmp_path, settings):
    (tmp_path / name).write_text("precious")
    with pytest.raises(OptionError, match="move it away" if name == "metrics.jsonl" else "--resume"):
        RunFolder.create(tmp_path, "digits", settings.toml())
    assert (tmp_path / name).read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_with_other_things_may_be_used(tmp_path, settings):
    (tmp_path / "notes.txt").write_text("mine")
    assert RunFolder.create(tmp_path, "digits", settings.toml()).config.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path, settings):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="cannot be written") as caught:
        RunFolder.create(tmp_path / "file" / "run", "digits", settings.toml())
    assert "--out" in str(caught.value)


@pytest.mark.parametrize("there", [[], ["metrics.jsonl"], ["curves.png"]])
def test_where_no_run_lies_is_told(there, tmp_path):
    for name in there:
        (tmp_path / name).write_text("")
    with pytest.raises(OptionError, match="no run lies there"):
        RunFolder.open(tmp_path)


LEFT = (".model.safetensors.0a1b2c3d.tmp", ".metrics.jsonl.0a1b2c3d.tmp", ".config.toml.0a1b2c3d.tmp")


def test_what_a_killed_training_left_is_cleared_away_by_the_next_and_by_nobody_else(tmp_path, settings):
    folder = RunFolder.create(tmp_path, "digits", settings.toml())
    for name in (*LEFT, ".curves.png.0a1b2c3d.tmp", "mine.tmp"):
        (tmp_path / name).write_bytes(b"half")
    RunFolder.open(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {*LEFT}
    with folder.held():
        pass
    # A picture may just be being drawn by someone who looks.
    assert {path.name for path in tmp_path.iterdir()} == {"config.toml", ".curves.png.0a1b2c3d.tmp", "mine.tmp"}


def test_one_training_a_folder(tmp_path, settings):
    folder = RunFolder.create(tmp_path, "digits", settings.toml())
    with folder.held(), folder.held():
        with pytest.raises(OptionError, match="another training"), RunFolder(tmp_path).held():
            pass
        with pytest.raises(OptionError, match="another training"):
            RunFolder.create(tmp_path, "digits", settings.toml())
    with RunFolder(tmp_path).held():
        pass


def test_a_folder_that_was_replaced_is_noticed(tmp_path, settings):
    folder = RunFolder.create(tmp_path / "run", "digits", settings.toml())
    with folder.held():
        folder.check()
        (tmp_path / "run").rename(tmp_path / "moved")
        with pytest.raises(FileNotFoundError):
            folder.check()
        (tmp_path / "run").mkdir()
        with pytest.raises(OSError, match="Another folder"):
            folder.check()


def test_where_a_file_system_has_no_locks_each_claim_is_granted(tmp_path, settings, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("pullback.training.claim._lock", none)
    with RunFolder.create(tmp_path, "digits", settings.toml()).held(), RunFolder(tmp_path).held():
        pass


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_no_folder_can_have(name, tmp_path, settings):
    with pytest.raises(OptionError, match="cannot be written"):
        RunFolder.create(tmp_path / name, "digits", settings.toml())
    with pytest.raises(OptionError, match="no run lies there"):
        RunFolder.open(tmp_path / name)
