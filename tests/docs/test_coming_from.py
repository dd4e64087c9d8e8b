"""Coming from elsewhere: both programs of each page run, and give the same numbers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

PAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "coming-from"
PEERS = {"pytorch": "torch", "jax": "jax", "autograd": "autograd", "mygrad": "mygrad"}


def result(code):
    names = {}
    exec(code, names)
    return np.asarray(names["result"])


def programs(page):
    return re.findall(r"```python\n(.*?)```", (PAGES / f"{page}.md").read_text(encoding="utf-8"), re.DOTALL)


def test_every_page_is_tested():
    assert {path.stem for path in PAGES.glob("*.md")} == {*PEERS, "index"}


@pytest.mark.parametrize("page", PEERS)
def test_the_program_in_pullback(page):
    _, ours = programs(page)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(50, 3)), rng.normal(size=50)
    np.testing.assert_allclose(result(ours), np.linalg.lstsq(x, y)[0], atol=1e-4)


@pytest.mark.parametrize("page", PEERS)
@pytest.mark.filterwarnings("ignore")  # of theirs
def test_the_program_in_the_other_library(page):
    pytest.importorskip(PEERS[page], reason="a peer, of the group `bench`")
    theirs, ours = programs(page)
    np.testing.assert_allclose(result(theirs), result(ours), rtol=1e-9)
