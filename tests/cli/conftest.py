"""The command line, called in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

import pullback as package
from pullback.cli import main


class Done(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def environment():
    """For another process: what this one has, and the package that this one tests."""
    return {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}


@pytest.fixture
def pullback(capsys, tmp_path, monkeypatch):
    """Call `pullback` with arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PULLBACK_TRACEBACK", raising=False)

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Done(left.value.code or 0, out, err)

    return call
