"""The house keeps its plan, and the rules that say so find out a house that does not."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
from scripts import architecture
from scripts.architecture import House

RULES: Final = {rule.__name__: rule for rule in architecture.RULES}

# Houses that break a rule once each: files of the package, or of the checkout, and what is in them.
BROKEN: Final = [
    ("misplaced_imports", "cellar.py:"),
    ("misplaced_imports", "core/a.py: from pullback import ops", "ops/__init__.py:"),
    ("misplaced_imports", "core/a.py: def f():\n  import pullback.ops.b", "ops/b.py:"),
    ("misplaced_imports", "ops/a.py: from pullback.tensors import Tensor", "tensors/__init__.py: class Tensor: ..."),
    ("misplaced_imports", "nn/a.py: from pullback.optim.b import B", "optim/b.py: B = 1"),
    ("misplaced_imports", "nn/a.py: import pullback as pb", "__init__.py:"),
    ("stages_back", "compiler/fusion/a.py: from pullback.compiler.lowering import b", "compiler/lowering/b.py:"),
    ("stages_back", "compiler/cellar/a.py: from pullback.core import b", "core/b.py:"),
    ("circles", "ops/a.py: import pullback.ops.b", "ops/b.py: def f():\n  import pullback.ops.a"),
    ("relative_imports", "ops/a.py: from . import b"),
    ("relative_imports", "ops/a.py: from numpy import *"),
    ("private_imports", "ops/a.py: from pullback.core.b import _c", "core/b.py: _c = 1"),
    ("private_imports", "ops/a.py: from pullback.core import b\nb._c", "core/b.py: _c = 1"),
    ("private_imports", "ops/a.py: import pullback.core._b", "core/_b.py:"),
    ("long_files", "nn/a.py: " + "x = 1\n" * (architecture.FILE_LINES + 1)),
    ("long_evening", *(f"{name}.py: " + "x = 1\n" * architecture.EVENING_LINES for name in ("core/a", "core/b"))),
    ("vague_names", "nn/utils.py:"),
    ("vague_names", "helpers/layers.py:"),
    ("vague_names", "nn/layer_base.py:"),
    ("unsafe_code", "nn/a.py: import pickle"),
    ("unsafe_code", "nn/a.py: def f():\n  from joblib.numpy_pickle import load"),
    ("unsafe_code", "nn/a.py: eval('1')"),
    ("unsafe_code", "nn/a.py: import builtins\nbuiltins.exec('1')"),
    ("unsafe_code", "nn/a.py: np.load('a', allow_pickle=True)"),
    ("half_open_classes", "nn/a.py: class A: ...", "nn/b.py: from pullback.nn import a\nclass B(a.A): ..."),
    ("half_open_classes", "nn/a.py: class A(Generic[T]): ...\nclass B(A[int]): ..."),
    ("half_open_classes", "nn/a.py: class A(ABC): ...\nclass B(A): ...\nclass C(B): ..."),
    ("heedless_exceptions", "tests/a.py: x = 1  # noqa"),
    ("heedless_exceptions", "tests/a.py: x = 1  # noqa: E501"),
    ("heedless_exceptions", "tests/a.py: x = 1  # type: ignore  # the stubs are wrong"),
    ("heedless_exceptions", "tests/a.py: x = 1  # type: ignore[misc]"),
    ("heedless_exceptions", "tests/a.py: # ruff: noqa"),
    ("heedless_exceptions", 'pyproject.toml: [tool.ruff.lint]\nignore = [\n    "A001",\n]'),
    ("heedless_exceptions", 'pyproject.toml: [tool.ruff.lint.per-file-ignores]\n"tests/**" = ["D"]'),
]  # fmt: skip

# What a rule might mistake for a breach, and must not.
SOUND: Final = (
    "__init__.py: from pullback import nn as nn\nfrom pullback.nn.a import A as A",
    "core/a.py: if TYPE_CHECKING:\n  from pullback.nn.a import A",
    "core/_b.py: from pullback.core import a\na.c",
    "core/errors.py: class E(ValueError): ...\nclass F(E): ...",
    "compiler/lowering/b.py: from pullback.compiler.fusion import a\nfrom pullback.compiler.lowering import c",
    "compiler/fusion/a.py:",
    "compiler/lowering/c.py:",
    "nn/__init__.py: from pullback.nn.a import A as A",
    "nn/a.py: from pullback.core import a\nclass A(ABC): ...\nclass B(A): ...\nmodel.eval(self._c)",
    "nn/b.py: class M:\n  @abstractmethod\n  def f(self): ...\nclass N(M): ...\nclass O(N): ...",
    "training/database.py: from pullback.nn import A\nnp.load('a', allow_pickle=False)",
    "tests/a.py: x = 1  # noqa: E501, B008 - a table reads better so",
    "tests/b.py: x = 1  # type: ignore[misc]  # NumPy's stubs differ",
    'pyproject.toml: [tool.ruff.lint]\nselect = [\n  "A",\n]\nignore = [\n  "A001", # as NumPy\n]',
)


def built(*files: str) -> House:
    pairs = (file.split(":", 1) for file in files)
    outside = ("tests/", "pyproject.toml")
    return House({name if name.startswith(outside) else f"pullback/{name}": text.lstrip(" ") for name, text in pairs})


@pytest.fixture(scope="module")
def house() -> House:
    return House.standing()


@pytest.mark.parametrize("name", RULES)
def test_the_house_keeps(name, house):
    complaints = list(RULES[name](house))
    assert not complaints, "\n".join([RULES[name].__doc__, *complaints])


@pytest.mark.parametrize(("name", "files"), [(name, files) for name, *files in BROKEN])
def test_a_broken_house_is_found_out(name, files):
    assert len(list(RULES[name](built(*files)))) == 1


@pytest.mark.parametrize("name", RULES)
def test_a_sound_house_is_left_in_peace(name):
    assert list(RULES[name](built(*SOUND))) == []


def test_every_rule_is_broken_by_some_house():
    assert {name for name, *_ in BROKEN} == RULES.keys()


def test_the_house_that_stands_is_not_empty(house):
    assert len(house.modules) > 20
    assert len(list(house.uses())) > 20


def test_import_loads_numpy_and_nothing_heavy():
    probe = "import sys, pullback; print(*{name.partition('.')[0] for name in sys.modules})"
    # From src, so that it is the package of this checkout.
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=architecture.ROOT / "src"
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert not loaded & architecture.HEAVY
