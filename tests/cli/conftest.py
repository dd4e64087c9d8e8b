"""The command line, called in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

import pullback as package
from pullback.cli import main
from pullback.training import pictures


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


@pytest.fixture
def drawn():
    """Asked for by tests that look at the pictures of a run: matplotlib is there for them."""


@pytest.fixture(autouse=True)
def _pictures_where_they_are_looked_at(request, monkeypatch):
    """Leave pictures, which take longer than all else that a small run does, to tests that are about them."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(pictures, "find_spec", lambda name: None)
