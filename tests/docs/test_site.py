"""The site: what is made from the code is complete and right; what is checked of the built one is found."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from unicodedata import normalize

import pytest
from scripts import documentation
from scripts.site import check, links, reference, rules
from scripts.site.docstring import markdown, summary

import pullback as pb

ROOT = Path(__file__).resolve().parent.parent.parent


# The reference.


def test_every_public_name_is_in_a_group():
    assert reference.missing() == []
    listed = [name for group in reference.GROUPS for name, _ in reference.names(group)]
    assert {f"pb.{name}" for name in dir(pb)} - {f"pb.{part}" for part in reference.PARTS} <= set(listed)


def test_no_name_is_explained_twice():
    explained = [name for group in reference.GROUPS for name, _ in reference.names(group)]
    assert len(explained) == len(set(explained))


def test_every_name_says_what_it_is():
    silent = [
        name
        for group in reference.GROUPS
        for name, thing in reference.names(group)
        if not reference._summary(thing).strip()
    ]
    assert silent == []


def test_the_pages_are_written(tmp_path):
    reference.write(tmp_path)
    pages = {path.stem: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.md")}
    assert set(pages) == {"index", *(group.name for group in reference.GROUPS)}
    assert "``````{py:function} pb.grad(f, argnums=0, has_aux=False, *, holomorphic=False)" in pages["derivatives"]
    assert "∂y/∂x = cos(x)" in pages["elementwise"]
    assert "````{py:method} backward(" in pages["tensors"]
    for text in pages.values():
        assert text.count("\n``````\n") == len(re.findall(r"^``````\{py:(?!method|attribute)", text, re.MULTILINE))


def test_a_docstring_becomes_markdown():
    def f():
        """A·b, with *stars*, `code` and a_b [c].

        More of it.

        Parameters
        ----------
        x, y : array
            What goes
            in.

        Raises
        ------
        ShapeError
            If they differ.

        >>> 1 + 1
        2
        """

    text = markdown(f)
    assert text.startswith(r"A·b, with \*stars\*, `code` and a\_b \[c\].")
    assert "- **`x, y`** *(array)*: What goes in." in text
    assert "- **`ShapeError`**: If they differ." in text
    assert text.endswith("```pycon\n>>> 1 + 1\n2\n```")
    assert summary(f).startswith("A·b")
    assert "More" not in summary(f)


# The table of derivatives.


def test_the_table_of_derivatives(tmp_path):
    rules.write(tmp_path)
    text = (tmp_path / "derivatives-table.md").read_text(encoding="utf-8")
    assert "| `sin(x)` | `cos(x)` |" in text
    assert normalize("NFC", "| `x @ z` | `matmul` | `ā = ȳ @ bᵀ`; `b̄ = aᵀ @ ȳ` |") in normalize("NFC", text)
    for written in rules.APPLIED:
        assert f"| `{written}` |" in text
    for primitive in rules.elementwise_primitives():
        assert f"| `{primitive.name}(" in text


def test_the_site_is_built_with_what_its_pages_use():
    # The tests run the examples of all pages, and have the extras for it; so must the build.
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    (tested,), (built,) = ([one for one in groups[name] if "pullback[" in one] for name in ("test", "docs"))
    assert built == tested


# Links.


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("start.md", "[a](how-to/see.md)", "[a](how-to/see.md)"),
        ("start.md", "[a](../README.md#x)", "[a](index.md#x)"),
        ("how-to/see.md", "[a](../../CONTRIBUTING.md)", "[a](../contributing.md)"),
        ("how-to/see.md", "[a](../../src/x.py) and [b](https://e.org)", "a and [b](https://e.org)"),
        ("start.md", "`[a](../x.py)`\n```\n[b](../x.py)\n```\n", "`[a](../x.py)`\n```\n[b](../x.py)\n```\n"),
    ],
)
def test_links_out_of_the_documentation(name, text, wanted):
    assert links.inside(ROOT / "docs", name, text) == wanted


def test_links_of_a_page_that_is_written_elsewhere():
    text = "[a](docs/kinks.md#x) [b](docs/decisions) [c](LICENSE)"
    made = links.inside(ROOT / "docs", "contributing.md", text, ROOT)
    assert made == "[a](kinks.md#x) [b](decisions/index.md) c"


def test_what_is_wrong_with_a_site_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#x"></a><a href="#here"></a><p id="here"></p>')
    (tmp_path / "b.html").write_text('<p id="x"></p><a href="https://e.org"></a><img src="data:,">')
    assert list(check.complaints(tmp_path)) == []
    (tmp_path / "b.html").write_text(
        '<script src="https://e.org/x.js"></script><a href="c.html"></a><a href="#no"></a>'
    )
    assert sorted(check.complaints(tmp_path)) == [
        "a.html: b.html#x leads to no heading", "b.html: #no leads to no heading",
        "b.html: c.html leads nowhere", "b.html: https://e.org/x.js is loaded from the network",
    ]  # fmt: skip


def test_every_page_is_reached_and_says_something():
    trees = {path: path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")}
    for path, text in trees.items():
        assert documentation.made(path) or text.startswith("# "), path
    listed = {
        (path.parent / entry).resolve().with_suffix(".md")
        for path, text in trees.items()
        for tree in re.findall(r"```\{toctree\}(.*?)```", text, re.DOTALL)
        for entry in re.findall(r"^([\w./-]+)$", tree, re.MULTILINE)
    }
    written = {path for path in trees if not documentation.made(path) and path.parent.name != "decisions"}
    assert written - listed == {ROOT / "docs" / "index.md"}
    index = trees[ROOT / "docs" / "index.md"]
    for entry in re.findall(r"^([\w/-]+)$", index.rpartition(":hidden:")[2], re.MULTILINE):
        made = entry.startswith(("reference/", "gallery/")) or f"{entry}.md" in links.PAGES.values()
        assert made or (ROOT / "docs" / f"{entry}.md").exists(), entry


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as it is built, which takes minutes."""
    if "PULLBACK_LONG" not in os.environ:
        pytest.skip("it takes minutes: make test-all does it")
    pytest.importorskip("myst_nb", reason="the site is built with the group `docs`")
    pytest.importorskip("furo", reason="the site is built with the group `docs`")
    folder = tmp_path_factory.mktemp("built")
    options = ["-W", "--keep-going", "-q", "-d", folder / "trees"]
    subprocess.run([sys.executable, "-m", "sphinx", *options, "docs", folder / "site"], cwd=ROOT, check=True)
    return folder / "site"


def test_the_site_is_built(site):
    assert list(check.complaints(site)) == []


def test_the_site_searches_and_plays_offline(site):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the group `browser` has it")
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no browser is installed")
    asked = []
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{(site / 'search.html').as_uri()}?q=vmap")
        page.locator("#search-results a", has_text="pb.vmap").first.wait_for()
        for lesson in ("scalars", "global_graph", "network", "higher_order", "framework"):
            page.goto((site / "lessons" / f"{lesson}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), lesson
            player = page.frame_locator("iframe")
            player.locator("#last").click()
            assert re.fullmatch(r"(\d+) / \1", player.locator("#count").inner_text())
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []


def test_the_pages_of_the_reference_name_no_module():
    # A module in place of a name would be a mistake in a list of groups.
    for group in reference.GROUPS:
        assert not any(inspect.ismodule(thing) for _, thing in reference.names(group))
