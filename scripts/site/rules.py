"""The table of derivatives: what each primitive gives back, printed from the rule that the library runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from scripts.site.formulas import WRITTEN

import pullback as pb
from pullback.core.errors import PullbackError
from pullback.core.kinds import Elementwise
from pullback.core.modes import ModeContext
from pullback.core.primitive import OPERAND_NAMES
from pullback.ops import elementwise, special
from pullback.ops.special_functions import bessel, errors_and_normal, gamma, hypergeometric
from pullback.visualize.mathematics import formula, operand_names, slopes
from pullback.visualize.tape import Tape

_SQUARE: Final = np.array([[0.5, 2.0], [1.0, 3.0]])
_ROW: Final = np.array([1.0, 2.0, 4.0])

# One application of each other primitive that carries derivatives; `x` and `z` are matrices, `v` is a vector.
APPLIED: Final[dict[str, Callable[[Any, Any, Any], Any]]] = {
    "sum(x, axis=0)": lambda x, z, v: pb.sum(x, axis=0),
    "mean(x)": lambda x, z, v: pb.mean(x),
    "max(x, axis=1)": lambda x, z, v: pb.max(x, axis=1),
    "logsumexp(v)": lambda x, z, v: pb.logsumexp(v),
    "var(v)": lambda x, z, v: pb.var(v),
    "norm(v)": lambda x, z, v: pb.norm(v),
    "x @ z": lambda x, z, v: x @ z,
    "einsum('ij,kj->ik', x, z)": lambda x, z, v: pb.einsum("ij,kj->ik", x, z),
    "x.T": lambda x, z, v: x.T,
    "reshape(x, 4)": lambda x, z, v: pb.reshape(x, (4,)),
    "broadcast_to(v, (2, 3))": lambda x, z, v: pb.broadcast_to(v, (2, 3)),
    "flip(v)": lambda x, z, v: pb.flip(v),
    "roll(v, 1)": lambda x, z, v: pb.roll(v, 1),
    "pad(v, 1)": lambda x, z, v: pb.pad(v, 1),
    "concat([x, z])": lambda x, z, v: pb.concat([x, z]),
    "stack([x, z])": lambda x, z, v: pb.stack([x, z]),
    "v[1:]": lambda x, z, v: v[1:],
    "take(v, [0, 0])": lambda x, z, v: pb.take(v, [0, 0]),
    "astype(v, float32)": lambda x, z, v: pb.astype(v, np.float32),
    "where(x > 1, x, z)": lambda x, z, v: pb.where(x > 1, x, z),
    "cumsum(v)": lambda x, z, v: pb.cumsum(v),
    "sort(v)": lambda x, z, v: pb.sort(v),
    "softmax(v)": lambda x, z, v: pb.softmax(v),
    "log_softmax(v)": lambda x, z, v: pb.log_softmax(v),
}

_FORMS: Final = ("reshape", "transpose")
_LONG: Final = "longer than a line"


def write(folder: Path) -> None:
    """Write the page."""
    folder.mkdir(exist_ok=True)
    (folder / "derivatives-table.md").write_text("\n".join(_page()) + "\n", encoding="utf-8")


def _page() -> Iterator[str]:
    yield "# The table of derivatives\n"
    yield "Each formula is printed from the rule that runs: the rule is run once on operands that only have names."
    yield "What holds at kinks and ties stands in [a table of its own](../kinks.md).\n"
    yield "## Element by element\n"
    yield "`y` is the value; `x`, or `a`, `b` and `c`, are the operands."
    yield "A bracket, such as `[x > 0]`, is 1 where it holds, else 0.\n"
    yield from _elementwise(elementwise_primitives())
    yield "\n## Special functions\n"
    yield "Those of `pb.special`; a name that ends in `_order` or `_moment` is a derivative by an order or a shape.\n"
    yield from _elementwise(special_primitives())
    yield "\n## Other kinds\n"
    yield "`ȳ` is the cotangent of the value. Of what is composed of several primitives, each is told.\n"
    yield "| Written | Primitive | Gives back |"
    yield "| --- | --- | --- |"
    for written, function in APPLIED.items():
        found = list(pulled(function))
        of_its_own = [pair for pair in found if pair[0] not in _FORMS]  # others are on the way
        yield from (f"| `{written}` | `{name}` | {given} |" for name, given in of_its_own or found)
    yield "\n## Matrices, windows and indices\n"
    yield "These are known from books, and checked by numbers as all others are.\n"
    yield "| Primitive | Gives back |"
    yield "| --- | --- |"
    elements = {p.name for p in (*elementwise_primitives(), *special_primitives())}
    yield from (f"| `{name}` | {_cell(text)} |" for name, text in WRITTEN.items() if name not in elements)


def _elementwise(primitives: Iterator[Elementwise]) -> Iterator[str]:
    """A table of partial derivatives."""
    yield "| Operation | ∂y/∂ first | ∂y/∂ second | ∂y/∂ third | ∂y/∂ fourth |"
    yield "| --- | --- | --- | --- | --- |"
    for primitive in primitives:
        written = WRITTEN.get(primitive.name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some are defined at whole numbers alone, and slopes asks at one half
            try:
                found = slopes(primitive)
            except PullbackError:
                found = [None]
        if written is not None and None in found:
            cells = [_cell(written)]
        else:
            pairs = zip(found, primitive.rules, strict=False)
            cells = ["none" if rule is None else _LONG if slope is None else _cell(slope) for slope, rule in pairs]
        cells += [""] * (4 - len(cells))
        yield f"| `{primitive.name}({', '.join(OPERAND_NAMES[len(primitive.rules)])})` | {' | '.join(cells)} |"


def special_primitives() -> Iterator[Elementwise]:
    """Those of the special functions that have a derivative, in the order of their rows."""
    for module in (errors_and_normal, gamma, bessel, hypergeometric):
        for value in dict.fromkeys(v for v in vars(module).values() if isinstance(v, Elementwise)):
            if value.differentiable and value not in (elementwise.erf, elementwise.sigmoid):
                yield value


def elementwise_primitives() -> Iterator[Elementwise]:
    """The elementwise primitives that are public and have a derivative, in the order of their rows."""
    for module in (elementwise, special):
        for value in dict.fromkeys(v for v in vars(module).values() if isinstance(v, Elementwise)):
            if value.differentiable and getattr(pb, value.name, None) is value:
                yield value


def pulled(function: Callable[[Any, Any, Any], Any]) -> Iterator[tuple[str, str]]:
    """The primitives that a function applies, and what each gives back to its operands, as a formula."""
    x, z, v = (pb.tensor(array, requires_grad=True) for array in (_SQUARE, _SQUARE + 1, _ROW))
    tape = Tape()
    with ModeContext(observer=tape):
        function(x, z, v).sum().backward()
    for value in tape.finish().values[:-1]:
        if value.primitive is None or not value.pulls:
            continue
        count = len(value.operands)
        found = {i: formula(rule, count) for i, rule in value.pulls.items() if rule is not None}
        if found:
            names = operand_names(count)
            texts = [f"`{names[i]}̄` {_LONG}" if text is None else f"`{names[i]}̄ = {text}`" for i, text in found.items()]
            yield value.primitive.name, "; ".join(texts)


def _cell(slope: str) -> str:
    return f"`{slope}`".replace("|", "\\|")
