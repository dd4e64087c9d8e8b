"""The lessons: each runs, and its exercises' answers pass. A line that ends in `# short: N` runs so here; whole where
long trainings run."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path

import pytest

LESSONS = Path(__file__).resolve().parent.parent.parent / "docs" / "lessons"
NAMES = ["scalars", "global_graph", "network", "higher_order", "framework"]
LONG = "PULLBACK_LONG" in os.environ


def source(name):
    return (LESSONS / f"{name}.py").read_text(encoding="utf-8")


def shortened(text):
    return text if LONG else re.sub(r"= .*?  # short: (.*)", r"= \1", text)


def test_there_are_five():
    assert {path.stem for path in LESSONS.glob("*.py")} == set(NAMES)
    listed = (LESSONS / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+)$", listed, re.MULTILINE) == NAMES  # in the order of the table


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(shortened(source(name)), f"{name}.py", "exec"), {"__name__": "lesson"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_has_what_a_lesson_has(name):
    text = source(name)
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)[1:]
    answers = [place for place, cell in enumerate(cells) if cell.startswith(' tags=["hide-cell"]')]
    assert len(answers) == 3 == len(re.findall(r"^# \*\*\d\.\*\*", text, re.MULTILINE))
    for place in answers:  # the reader's own answer is put in its place, and the next cell tells
        assert "assert" in cells[place + 1]
    assert ".play(" in text or "record_player(" in text
    assert "thirty lines" in text.lower()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_that_is_wrong_is_found(name):
    # Each exercise's function, made to give its first argument back, fails the cell below it.
    text = shortened(source(name))
    cells = re.split(r"^# %%", text, flags=re.MULTILINE)[1:]
    wrong = next(cell for cell in cells if cell.startswith(' tags=["hide-cell"]'))
    tree = ast.parse(wrong.partition("\n")[2])
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    if function.name == "__init__":
        function = next(
            node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name != "__init__"
        )
        function.body = [ast.Pass()]
    else:
        function.body = [ast.Return(ast.Name(function.args.args[0].arg, ast.Load()))]
    last = cells.index(wrong) + 1
    before = "\n".join("" if cell.startswith(" [markdown]") else cell.partition("\n")[2] for cell in cells[: last - 1])
    names = {"__name__": "lesson"}
    kept = re.sub(r"^pb\.(graph|record_player).*(play|draw).*$|^pb\.record_player.*$", "", before, flags=re.MULTILINE)
    exec(compile(kept, name, "exec"), names)
    exec(compile(ast.fix_missing_locations(tree), name, "exec"), names)
    with pytest.raises(Exception):  # noqa: B017, PT011 - an assertion, or what a wrong value leads to
        exec(compile(cells[last].partition("\n")[2], name, "exec"), names)
