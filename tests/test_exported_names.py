"""`pullback/__init__.py` re-exports public names and does nothing else; each is documented."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

import pullback
from pullback import later

ROOT: Final = Path(__file__).resolve().parent.parent
TREE: Final = ast.parse((ROOT / "src" / "pullback" / "__init__.py").read_text(encoding="utf-8"))
LATE: Final = [node for node in TREE.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
IMPORTS: Final = [
    node
    for node in (*TREE.body, *(inside for block in LATE for inside in block.body))
    if isinstance(node, (ast.Import, ast.ImportFrom)) and ast.unparse(node) != "from typing import TYPE_CHECKING"
]
EXPORTS: Final = [name.asname or name.name for node in IMPORTS for name in node.names]
NAMES: Final = [name for name in EXPORTS if not (name.startswith("__") and name.endswith("__"))]


def is_plain(node: ast.stmt) -> bool:
    """Whether a statement is a docstring or an import, or holds the imports that wait until they are asked for."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and node is TREE.body[0]
    if node in LATE:
        return all(map(is_plain, node.body)) and not node.orelse
    return isinstance(node, (ast.Import, ast.ImportFrom))


def test_init_holds_imports_and_nothing_else():
    assert [ast.unparse(node) for node in TREE.body if not is_plain(node)] == []
    assert ast.get_docstring(TREE)


def test_every_export_is_explicit():
    # Type checkers let users see `X as X` and nothing else; `X as Y` is an import of our own to them.
    implicit = [name.name for node in IMPORTS for name in node.names if name.asname != name.name]
    assert implicit == []


def test_no_name_is_exported_twice():
    assert sorted(EXPORTS) == sorted(set(EXPORTS))


def test_no_name_is_private():
    assert [name for name in NAMES if name.startswith("_")] == []


def test_what_waits_is_found_later():
    # Type checkers read the block; at run time `later.py` gives the same names.
    names = {name.asname for block in LATE for node in block.body for name in node.names}
    assert names <= {*later.PARTS, *later.NAMES}


def test_the_version_is_the_project_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert pullback.__version__ == project["version"]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_documented(name):
    value = getattr(pullback, name)
    if isinstance(value, (type, ModuleType)) or callable(value):
        # A class may inherit its words, and an object may have only those of its class: neither is its own.
        inherited = [parent.__doc__ for parent in (value.__mro__[1:] if isinstance(value, type) else [type(value)])]
        assert value.__doc__
        assert value.__doc__.strip()
        assert value.__doc__ not in inherited
