"""The documentation is true: links lead somewhere, examples print what they say, commands exist, figures fit."""

from __future__ import annotations

import doctest
import importlib
import re
import runpy
import shlex
import tomllib
from types import SimpleNamespace
from typing import Final

import numpy as np
import pytest
from scripts import documentation
from tests.ops import cases

import pullback as pb
from pullback import cli
from pullback.ops import elementwise

ROOT: Final = documentation.ROOT
PAGES: Final = {str(page.relative_to(ROOT)): page for page in documentation.pages()}
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FLAGS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(page, language):
    """The code of a page in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for name, code in BLOCK.findall(text) if name == language]


# All pages.


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name):
    assert list(documentation.broken_links(PAGES[name])) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_example_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = PAGES[name]
    results = doctest.testfile(str(page), module_relative=False, optionflags=FLAGS, encoding="utf-8")
    assert results.failed == 0
    assert results.attempted == page.read_text(encoding="utf-8").count(">>> ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", PAGES)
def test_examples_are_marked_as_python(name):
    # Elsewhere than in a fenced block an example has no colours and no button to copy it.
    text = PAGES[name].read_text(encoding="utf-8")
    marked = [*blocks(name, "pycon"), *blocks(name, "python")]
    assert text.count(">>> ") == sum(code.count(">>> ") for code in marked)


SHOWN: Final = re.compile(
    r"^```.*?^```|^!\[[^\n]*|^\|[^\n]*", re.MULTILINE | re.DOTALL
)  # an example, a picture, a table
TWO_SCREENS: Final = 900  # words


@pytest.mark.parametrize("name", [name for name in PAGES if "decisions" not in name and name != "CHANGELOG.md"])
def test_no_two_screens_are_without_a_picture_or_an_example(name):
    stretches = SHOWN.split(PAGES[name].read_text(encoding="utf-8"))
    assert max(len(stretch.split()) for stretch in stretches) <= TWO_SCREENS


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        ("[a](b.md)", ["c.md: b.md leads to no file"]),
        ("# Two words\n[a](#two-words) [b](#three)", ["c.md: #three leads to no heading"]),
        ("[a](c.md) `[b](none)`\n```\n[c](none)\n```\n[d](https://e.org)", []),
    ],
)
def test_a_broken_link_is_found(text, complaints, tmp_path, monkeypatch):
    monkeypatch.setattr(documentation, "ROOT", tmp_path)
    page = tmp_path / "c.md"
    page.write_text(text, encoding="utf-8")
    assert list(documentation.broken_links(page)) == complaints


# Docstrings.

SOURCE: Final = ROOT / "src" / "pullback"
MODULES: Final = [
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if path.stem != "__main__"  # importing that runs the command line
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if ".onnx." in name:
        pytest.importorskip("onnx", reason="the module reads and writes its files")
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0
    assert list(tmp_path.iterdir()) == []


# README.


def test_the_readme_is_short():
    assert len(README.split()) < 700


def test_the_commands_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"\bmake (\w+)", README))
    assert {"train", "test", "bench"} <= targets
    assert targets <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_the_command_lines_of_the_readme_print_what_they_say(capsys):
    sessions = blocks("README.md", "console")
    assert sessions
    for session in sessions:
        command, _, printed = session.partition("\n")
        prompt, program, *arguments = shlex.split(command)
        assert (prompt, program) == ("$", "pullback")
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert not left.value.code
        assert capsys.readouterr().out == printed


def test_the_table_of_extras_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))
    assert rows.keys() == extras.keys()
    (parts,) = re.findall(r"\[(.*)\]", extras["all"][0])
    assert sorted(parts.split(",")) == sorted(part.strip("` ") for part in rows["all"].split(","))


# Adding an operation: the row and the case of the page are good ones.


def test_the_row_and_the_case_of_the_page_pass_their_tests(monkeypatch):
    row, case_line, with_points = blocks("docs/adding_an_op.md", "python")
    module = dict(vars(elementwise))
    exec(row, module)
    monkeypatch.setattr(pb, "softsign", module["softsign"], raising=False)
    case = eval(case_line, dict(vars(cases)))
    assert case.name == "softsign"
    for sample in case.samples:
        operands = case.draw(sample)
        value = case.f(*operands, **sample.params)
        assert not isinstance(value.array, pb.Tensor)  # the kernel did not call an operation of tensors
        np.testing.assert_allclose(value.numpy(), case.reference(*operands, **sample.params), rtol=1e-14)
        pb.testing.check_grads(lambda *xs, s=sample: case.f(*xs, **s.params), *operands, order=3)
    shown = eval(with_points, dict(vars(cases)))
    kept = next(case for case in cases.CASES if case.name == shown.name)
    assert set(map(str, shown.points)) <= set(map(str, kept.points))
    assert shown.truth is kept.truth


def test_the_native_code_of_the_page_computes_what_the_row_does(monkeypatch):
    pytest.importorskip("llvmlite", reason="native code is made through llvmlite")
    from pullback.compiler.facts import rows

    row, *_ = blocks("docs/adding_an_op.md", "python")
    module = dict(vars(elementwise))
    exec(row, module)
    softsign = module["softsign"]
    x = np.linspace(-3, 3, 37)
    recorded, instructions = blocks("docs/adding_an_op.md", "py")
    for code, inside in ((recorded, " abs "), (instructions, " softsign ")):
        names = {**vars(rows), "elementwise": SimpleNamespace(**module)}
        with monkeypatch.context() as patch:
            (made,) = eval(f"{{{code}}}", names).values()
            patch.setitem(rows.ROWS, softsign, made)
            compiled = pb.compile(lambda x: softsign(x) * 2)
            compiled.prepare(x)
            np.testing.assert_array_equal(compiled(x).numpy(), softsign(x).numpy() * 2)
            assert inside in compiled.explain()
            assert "NumPy  " not in compiled.explain()


def test_the_table_of_kinds_has_every_kind():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    source = "".join((ROOT / "src/pullback/core" / name).read_text() for name in ("kinds.py", "custom_kinds.py"))
    kinds = set(re.findall(r"^class ([A-Z]\w+)\(", source, re.MULTILINE)) - {"Opaque"}  # it has no derivative
    assert set(rows) >= kinds


# Examples.


def example(name):
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"))


def test_every_example_is_tested():
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == {"digits", "newton", "picture"}


def test_newtons_method_finds_the_end_of_the_valley():
    point, values = example("newton")["descend"]([-1.2, 1.0])
    np.testing.assert_allclose(point, [1.0, 1.0], atol=1e-9)
    assert values == sorted(values, reverse=True)
    # Near the end each step squares what is left to go.
    assert values[-1] < 1e-20 < values[-2] < 1e-10


def test_the_network_of_the_example_learns():
    losses, accuracies = zip(*example("digits")["train"](epochs=3), strict=True)
    assert losses[-1] < losses[0]
    assert accuracies[-1] > 0.9


def test_the_picture_of_a_formula_is_drawn(tmp_path):
    file = tmp_path / "formula.svg"
    lines = example("picture")["main"](str(file)).splitlines()
    assert lines[:4] == ["f = -8.014817", "df/dx = -11.002705", "df/dy = -2.453315", "df/dz = -0.203315"]
    assert file.read_text(encoding="utf-8").startswith("<svg")
