"""Every operation has a row, and every row is about what it says."""

from __future__ import annotations

import re

import pytest
from tests.functions.calls import GROUPS
from tests.functions.calls import rows as calls_of
from tests.ops.cases import CASES

import pullback as pb
from pullback.core import kinds, outputs
from pullback.core.graph import ancestors
from pullback.core.primitive import Primitive
from pullback.core.tree import leaves
from pullback.ops import (
    contractions,
    convolutions,
    cross_entropy,
    cumulative,
    discrete,
    elementwise,
    indexing,
    labels,
    movement,
    parts,
    products,
    reductions,
    rows,
    special,
    windows,
)

MODULES = (
    *(kinds, outputs, contractions, convolutions, cross_entropy, elementwise, indexing, movement, parts, reductions),
    *(cumulative, discrete, labels, products, rows, special, windows),
)
PRIMITIVES = {name: p for module in MODULES for name, p in vars(module).items() if isinstance(p, Primitive)}
OF_FUNCTIONS = tuple(
    f"pullback.functions.{name}" for name in ("activations", "classification", "gates", "losses", "piecewise")
)
PUBLIC = {
    name
    for name, f in vars(pb).items()
    if isinstance(f, Primitive) or (callable(f) and str(f.__module__).startswith(("pullback.ops.", *OF_FUNCTIONS)))
}

# Tests that a row may leave out, with its reason. This number may only fall.
MOST_SKIPS = 2
CHECKS = {"numbers", "nan"}


def test_every_public_operation_has_a_row():
    tested = [getattr(pb, case.name, None) for case in CASES]
    called = "\n".join(row for group in GROUPS for row in calls_of(group))
    missing = {name for name in PUBLIC if all(getattr(pb, name) is not f for f in tested)}  # of two names one does
    assert {name for name in missing if not re.search(rf"\bnp\.{name}\b", called)} <= {"topk"}


def test_every_primitive_has_a_row():
    named = {name for case in CASES for name in (case.primitive or case.name, f"{case.name}_")}
    covered = {PRIMITIVES[name] for name in named & PRIMITIVES.keys()}
    assert set(PRIMITIVES.values()) - covered == set()


def test_there_are_rows_and_primitives_to_look_at():
    assert len(PUBLIC) > 100
    assert len(PRIMITIVES) > 90


def primitive_of(case):
    """The primitive that a row stands for; None for a composition, and where nothing is recorded."""
    named = PRIMITIVES.get(case.primitive or case.name) or PRIMITIVES.get(f"{case.name}_")
    return named if case.differentiable else None


@pytest.mark.parametrize("case", [case for case in CASES if primitive_of(case)], ids=repr)
def test_a_row_uses_the_primitive_that_it_stands_for(case):
    used = set()
    for sample in case.samples:
        operands = [pb.tensor(x, requires_grad=x.dtype.kind == "f") for x in case.draw(sample)]
        roots = [y.node for y in leaves(case.f(*operands, **sample.params)) if y.node is not None]
        used |= {node.primitive for node in ancestors(roots)}
    assert primitive_of(case) in used


def test_skips_have_reasons_and_are_few():
    skips = [(case.name, what, why) for case in CASES for what, why in case.skips.items()]
    assert len(skips) <= MOST_SKIPS
    assert {what for _, what, _ in skips} <= CHECKS
    assert all(len(why.split()) > 5 for *_, why in skips)
