"""The reference: every public name, grouped as a person would look for it, from the docstrings alone."""

from __future__ import annotations

import ast
import enum
import inspect
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from scripts.site.docstring import markdown, summary

import pullback as pb
from pullback.core.kinds import Elementwise
from pullback.core.primitive import OPERAND_NAMES, Primitive
from pullback.later import PARTS
from pullback.visualize.mathematics import slopes


class Group(NamedTuple):
    """A page: its name, its title, what it is about, and the modules whose public names stand on it."""

    name: str
    title: str
    about: str
    modules: tuple[str, ...]


GROUPS: Final = (
    Group(
        "tensors", "Tensors", "What a tensor is, how one is made, and what dtypes there are.",
        ("tensors", "functions.creation", "functions.grids", "numpy", "functions.dtypes"),
    ),
    Group(
        "derivatives", "Derivatives", "From functions to functions: gradients, Jacobians, products, many at once.",
        ("transforms.reverse", "transforms.forward", "transforms.higher_order", "transforms.taylor",
         "transforms.sparse", "transforms.batching", "transforms.checkpoint"),
    ),
    Group(
        "own-operations", "Operations of your own", "A derivative that you know, for a function or a primitive.",
        ("transforms.custom", "core.kinds", "core.custom_kinds", "core.primitive"),
    ),
    Group(
        "compile", "Compiled steps and loops", "A step as native code, and loops that stay loops.",
        ("compiler", "transforms.loops", "core.threads"),
    ),
    Group(
        "seeing", "Seeing", "Graphs as values, pictures, players; why a gradient is as it is.",
        ("visualize", "explaining"),
    ),
    Group("profiling", "Where the time goes", "Profiles of eager and compiled code.", ("profiling",)),
    Group(
        "elementwise", "Element by element", "Arithmetic, comparisons, exponentials, waves; each broadcasts.",
        ("ops.elementwise", "ops.special", "ops.discrete", "ops.complex_parts", "functions.floats",
         "functions.synonyms"),
    ),
    Group(
        "reductions", "Sums and statistics", "Many numbers to few, over all axes or some.",
        ("ops.reductions", "functions.statistics", "functions.histograms", "functions.quantiles", "functions.nan"),
    ),
    Group("products", "Products", "Of vectors, matrices and more.", ("ops.contractions", "functions.products")),
    Group(
        "shapes", "Shapes", "The same numbers in another order, form or company.",
        ("ops.movement", "ops.parts", "functions.arranging", "functions.joining", "functions.padding"),
    ),
    Group(
        "indexing", "Choosing and placing", "Some of the numbers, by place or by condition.",
        ("ops.indexing", "ops.selecting", "functions.selecting", "functions.placing", "functions.segments"),
    ),
    Group(
        "ordering", "Order and sets", "Sorting, searching, and what is in both.",
        ("ops.ordering", "functions.sets"),
    ),
    Group(
        "along-an-axis", "Along an axis", "Running sums, differences, windows, polynomials.",
        ("ops.cumulative", "functions.differences", "ops.windows", "functions.polynomials", "functions.applying"),
    ),
    Group(
        "activations", "Activations and losses", "What networks are made of, as functions.",
        ("functions.activations", "functions.piecewise", "functions.gates", "functions.losses",
         "functions.classification"),
    ),
    Group("linalg", "Linear algebra", "Decompositions, solvers, norms.", ("pb.linalg",)),
    Group(
        "fft", "Fourier transforms", "Of real and complex numbers; cosines and sines; windows; convolution.",
        ("pb.fft", "functions.tapers"),
    ),
    Group("special", "Special functions", "Of physics and statistics.", ("pb.special",)),
    Group(
        "science", "Solvers", "Roots, minima, integrals, differential equations, curves through points.",
        ("pb.optimize", "pb.integrate", "pb.interpolate"),
    ),
    Group("stats", "Distributions", "Densities and draws that differentiate.", ("pb.stats",)),
    Group("random", "Random numbers", "Drawn from generators that one can seed.", ("functions.random", "pb.random")),
    Group("nn", "Networks", "Layers, losses, and what is around them.", ("pb.nn",)),
    Group("optim", "Optimizers", "Rules that let parameters learn, and schedules.", ("pb.optim",)),
    Group("data", "Data", "Data sets, loaders, augmentation.", ("pb.data",)),
    Group("metrics", "Metrics", "How good an answer is.", ("pb.metrics",)),
    Group("training", "Training", "A trainer for any model.", ("pb.training",)),
    Group("parallel", "Several processes", "What ranks of MPI do together.", ("pb.parallel",)),
    Group("visualize", "Drawing", "Boxes, arrows, layouts.", ("pb.visualize",)),
    Group("testing", "Testing", "Derivatives against differences.", ("pb.testing",)),
    Group("interop", "Other libraries", "Files and arrays of others.", ("pb.interop",)),
    Group(
        "modes", "Modes, errors and versions", "What changes how things run, and what can go wrong.",
        ("core.modes", "core.anomaly", "core.errors", "core.version"),
    ),
)  # fmt: skip


@cache
def homes() -> dict[str, str]:
    """The module that each public name of `pullback` is imported from, under the package."""
    tree = ast.parse(Path(pb.__file__).read_text(encoding="utf-8"))
    return {
        alias.name: str(node.module).removeprefix("pullback.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module not in ("typing", "pullback", "pullback.later")
        for alias in node.names
    }


def names(group: Group) -> Iterator[tuple[str, Any]]:
    """The public names of a group as users write them, and what they are."""
    for module in group.modules:
        if module.startswith("pb."):
            part = getattr(pb, module[3:])
            for name in dir(part):
                if not name.startswith("_") and not inspect.ismodule(getattr(part, name)):
                    yield f"{module}.{name}", getattr(part, name)
        else:
            found = [name for name, home in homes().items() if home == module and not name.startswith("_")]
            yield from ((f"pb.{name}", getattr(pb, name)) for name in sorted(found, key=str.lower))


def missing() -> list[str]:
    """Public names that stand in no group; a test wants this to be empty."""
    grouped = {module for group in GROUPS for module in group.modules}
    alone = [name for name, home in homes().items() if home not in grouped and name[0] != "_" and name not in PARTS]
    return alone + [part for part in PARTS if f"pb.{part}" not in grouped]


def write(folder: Path) -> None:
    """Write a page for each group, and the list of them."""
    folder.mkdir(exist_ok=True)
    listed = []
    for group in GROUPS:
        found = list(names(group))
        (folder / f"{group.name}.md").write_text(page(group, found), encoding="utf-8")
        few = ", ".join(f"`{name}`" for name, _ in found[:6]) + (" …" if len(found) > 6 else "")
        listed.append(f"| [{group.title}]({group.name}.md) | {group.about} | {few} |")
    table = "\n".join(["| | | |", "| --- | --- | --- |", *listed])
    tree = "\n".join(group.name for group in GROUPS)
    intro = "Every public name, from its docstring. The examples run in the tests."
    text = f"# Reference\n\n{intro}\n\n{table}\n\n```{{toctree}}\n:hidden:\n\nderivatives-table\n{tree}\n```\n"
    (folder / "index.md").write_text(text, encoding="utf-8")


def page(group: Group, found: list[tuple[str, Any]]) -> str:
    """A page: what it is about, a table of its names, and each of them."""
    rows = [f"| {{py:obj}}`{name}` | {_summary(thing)} |" for name, thing in found]
    parts = [f"# {group.title}", group.about, "\n".join(["| | |", "| --- | --- |", *rows])]
    parts += [entry(name, thing) for name, thing in found]
    return "\n\n".join(parts) + "\n"


def entry(name: str, thing: Any) -> str:
    """What there is to say of a name, as a directive of Sphinx."""
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
        members = "" if kind == "exception" else "\n\n".join(_members(thing))
        return _directive(6, kind, f"{name}{_signature(thing)}", f"{markdown(thing)}\n\n{members}")
    if callable(thing):
        return _directive(6, "function", f"{name}{_signature(thing)}", f"{_formula(thing)}{markdown(thing)}")
    return _directive(6, "data", name, _summary(thing))


def _members(kind: type) -> Iterator[str]:
    """The public methods and properties of a class that are its own or its bases' of this package."""
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("pullback") and (base is kind or base.__name__ not in _ALREADY):
            found |= {n: v for n, v in vars(base).items() if not n.startswith("_")}
    for name, member in sorted(found.items()):
        inner = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        if issubclass(kind, enum.Enum) or not inspect.getdoc(inner) or inspect.isclass(inner):
            continue
        if isinstance(member, property):
            yield _directive(4, "attribute", name, markdown(inner, short=True))
        elif callable(inner):
            yield _directive(4, "method", f"{name}{_signature(inner, method=True)}", markdown(inner, short=True))


# Whose methods stand at their own entry, and not at those of each subclass again.
_ALREADY: Final = {"Module", "Optimizer", "Primitive", "Metric", "Callback", "Dataset", "Schedule", "Tensor"}


def _directive(fence: int, kind: str, head: str, body: str) -> str:
    ticks = "`" * fence
    return f"{ticks}{{py:{kind}}} {head}\n{body.strip()}\n{ticks}"


def _signature(thing: Any, *, method: bool = False) -> str:
    """The parameters, without their types."""
    if isinstance(thing, Elementwise):
        return f"({', '.join(OPERAND_NAMES[thing.arity or 1])})"
    try:
        signature = inspect.signature(thing.kernel if isinstance(thing, Primitive) else thing)
    except (TypeError, ValueError):
        return "()"
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    plain = plain[1:] if method and plain and plain[0].name in ("self", "cls") else plain
    plain = [p for p in plain if not p.name.startswith("_")]
    text = str(signature.replace(parameters=plain, return_annotation=signature.empty))
    return re.sub(r"<[^<>]*>", "…", text).replace("=…", "=...")


def _formula(thing: Any) -> str:
    """The derivatives of an elementwise primitive, read off its row."""
    if not isinstance(thing, Elementwise) or not thing.differentiable:
        return ""
    operands = OPERAND_NAMES[len(thing.rules)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some are defined at whole numbers alone, and slopes asks at one half
        formulas = slopes(thing)
    found = [f"∂y/∂{x} = {slope}" for x, slope in zip(operands, formulas, strict=True) if slope is not None]
    return f"```text\n{'    '.join(found)}\n```\n\n" if found else ""


def _summary(thing: Any) -> str:
    if isinstance(thing, float):
        return f"The number {thing:.6g}."
    if thing is None:
        return "NumPy's own: an axis of length 1."
    if isinstance(thing, str):
        return f"`{thing}`"
    if inspect.isclass(thing) and thing.__module__ in ("numpy", "builtins"):
        return f"NumPy's dtype `{thing.__name__}`."
    return summary(thing)
