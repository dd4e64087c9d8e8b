"""What tests of the compiler share: programs run natively even where they are too small to pay."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

import pullback as pb
from pullback.compiler import pipeline


@pytest.fixture
def set_threads() -> Iterator[Callable[[int | None], None]]:
    """`pb.set_threads`, for one test."""
    yield pb.set_threads
    pb.set_threads(None)


@pytest.fixture(autouse=True)
def _whether_it_pays_or_not(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile all that is compiled, and keep it apart from what other tests keep; `test_worth.py` asks what pays."""
    if request.path.name != "test_worth.py":
        monkeypatch.setattr(pipeline, "unpaid", lambda *_: None)
        monkeypatch.setenv("PULLBACK_CACHE", f"{os.environ['PULLBACK_CACHE']}/paid")
