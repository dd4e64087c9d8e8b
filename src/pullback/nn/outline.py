"""A module as text: the tree of its parts, and the table of what they give and hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from pullback.core import tree
from pullback.core.modes import no_grad
from pullback.core.views import Sheet, html_of
from pullback.nn.evaluating import evaluating
from pullback.tensors import Tensor

if TYPE_CHECKING:
    from pullback.nn.module import Module


def outline(module: Module) -> Iterator[tuple[str, Module]]:
    """The lines of the printed tree, each with the module that it shows.

    >>> from pullback.nn import Linear, ReLU, Sequential
    >>> print(Sequential(Linear(2, 3), Sequential(ReLU())))
    Sequential
    ├── 0: Linear(2, 3)
    └── 1: Sequential
        └── 0: ReLU()
    """
    return _branch(module, "", "", "", ())


def _branch(
    module: Module, name: str, stem: str, indent: str, above: tuple[Module, ...]
) -> Iterator[tuple[str, Module]]:
    parts = [(n, part) for n, part in module._parts() if part is not module and part not in above]
    yield f"{stem}{name and f'{name}: '}{label(module, bare=bool(parts))}", module
    for i, (key, part) in enumerate(parts):
        last = i == len(parts) - 1
        yield from _branch(
            part, key, indent + ("└── " if last else "├── "), indent + ("    " if last else "│   "), (*above, module)
        )


def view(module: Module) -> str | None:
    """The tree for a notebook, with the parameters that each part holds itself, and whether it learns them."""
    every = module.parameters()
    rows = []
    for line, part in outline(module):
        own = [p for _, p in part._learned()]
        shapes = " ".join("×".join(map(str, p.shape)) or "1" for p in own)
        frozen = " frozen" if own and not any(p.requires_grad for p in own) else ""
        rows.append((line, f"{sum(p.size for p in own):,}{frozen}" if own else "", shapes))
    total = sum(p.size for p in every)
    note = f"{total:,} parameters in all"
    return html_of(Sheet(type(module).__name__, ("module", "parameters", "shapes"), rows, note))


def label(module: Module, *, bare: bool = False) -> str:
    """A module in a word, with what it says of itself; `bare` leaves empty parentheses out.

    >>> from pullback.nn import Linear
    >>> label(Linear(2, 3))
    'Linear(2, 3)'
    """
    details = module.extra_repr()
    return type(module).__name__ + (f"({details})" if details or not bare else "")


def unusual(module: Module, usual: Mapping[str, Any]) -> list[str]:
    """The options of a module that are not as usual, for what it says of itself.

    >>> from pullback.nn import Flatten
    >>> unusual(Flatten(2), {"start_axis": 1, "end_axis": -1})
    ['start_axis=2']
    """
    return [f"{name}={getattr(module, name)}" for name, value in usual.items() if getattr(module, name) != value]


class Row(NamedTuple):
    """A line of the table: a module in the tree, what it gives, and how many numbers it holds itself."""

    module: str
    output: str
    parameters: int


@final
class Summary:
    """The table of a module's parts; prints itself.

    Attributes
    ----------
    rows : list of Row
        One for each place in the tree.
    parameters, frozen : int
        How many numbers there are in all, shared ones once, and how many of them are frozen.
    """

    def __init__(self, rows: list[Row], parameters: int, frozen: int) -> None:
        self.rows = rows
        self.parameters = parameters
        self.frozen = frozen

    def __repr__(self) -> str:
        lines = [("module", "output", "parameters")]
        lines += [(r.module, r.output, f"{r.parameters:,}" if r.parameters else "") for r in self.rows]
        lines.append(("total", "", f"{self.parameters:,}"))
        if self.frozen:
            lines.append(("of these frozen", "", f"{self.frozen:,}"))
        left, middle, right = (max(len(line[i]) for line in lines) for i in range(3))
        return "\n".join(f"{a:<{left}}  {b:<{middle}}  {c:>{right}}".rstrip() for a, b, c in lines)


def summarize(module: Module, input_shape: Sequence[int], dtype: Any = None) -> Summary:
    """Run a module once on zeros, in evaluation mode and without recording, and note what each part gives."""
    tensors = module.parameters()
    if dtype is None:
        dtype = max(tensors, key=lambda p: p.size).dtype if tensors else np.float32
    outputs = _watched(module, Tensor(np.zeros(tuple(input_shape), dtype)))
    rows = [
        Row(line, outputs.get(id(part), "not called"), sum(p.size for _, p in part._learned()))
        for line, part in outline(module)
    ]
    frozen = sum(p.size for p in tensors if not p.requires_grad)
    return Summary(rows, sum(p.size for p in tensors), frozen)


def _watched(module: Module, x: Tensor) -> dict[int, str]:
    """Call a module while a hook of each part notes the shape of what it gives."""
    outputs: dict[int, str] = {}

    def note(part: Module, _args: Any, output: Any) -> None:
        outputs[id(part)] = ", ".join(str(getattr(y, "shape", type(y).__name__)) for y in tree.leaves(output))

    with ExitStack() as stack:
        for part in module.modules():
            stack.enter_context(part.register_forward_hook(note))
        with evaluating(module), no_grad():
            module(x)
    return outputs
