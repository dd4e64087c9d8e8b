"""The text of a program: the same in every process, and another wherever anything is another."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

import pullback as pb
from pullback.core.kinds import Elementwise
from pullback.functions.random import draw_
from pullback.ops import elementwise, movement, reductions
from pullback.ops.elementwise import add, multiply, subtract
from pullback.programs.loop import Loop, Read, Window, loop_
from pullback.programs.program import Constant, Equation, Program, Value
from pullback.programs.spelling import spelled


def of(primitive, operands=(), params=None, *, shape=(3, 4), dtype=float, out=(3, 4), name="x"):
    """A program of one equation, of its input and what else is given."""
    x, y = Value(shape, np.dtype(dtype), name), Value(out, np.dtype(dtype))
    others = tuple(x if o is None else Constant(o) for o in operands)
    return Program((x,), (Equation(primitive, (x, *others), params or {}, y, "a line"),), (y,))


def text(program):
    found = spelled(program)
    assert found is not None
    return found.text


LARGE = np.arange(2000.0)
CHANGED = np.where(LARGE == 1000, -1.0, LARGE)  # in the middle, which NumPy's own text leaves out

DIFFERENT = [
    of(add, [None]), of(subtract, [None]), of(multiply, [None]),
    of(add, [None], dtype=np.float32), of(add, [None], dtype=">f8"), of(add, [None], shape=(4, 3), out=(4, 3)),
    of(add, [1]), of(add, [1.0]), of(add, [True]), of(add, [1 + 0j]), of(add, [2]), of(add, [None, 1]),
    of(add, [np.float64(1)]), of(add, [np.float32(1)]), of(add, [np.int64(1)]), of(add, [np.array(1.0)]),
    of(add, [0.0]), of(add, [-0.0]), of(add, [np.nan]), of(add, [np.inf]), of(add, [np.nextafter(1.0, 2.0)]),
    of(add, [np.ones(4)]), of(add, [np.ones((1, 4))]), of(add, [np.ones(4, np.float32)]), of(add, [np.ones(8)[::2]]),
    of(add, [np.ones((3, 4))]), of(add, [np.ones((3, 4), order="F")]), of(add, [LARGE]), of(add, [CHANGED]),
    of(movement.reshape_, params={"shape": (12,)}, out=(12,)), of(movement.reshape_, params={"shape": [12]}, out=(12,)),
    of(movement.reshape_, params={"shape": (2, 6)}, out=(2, 6)),
    of(movement.reshape_, params={"form": (12,)}, out=(12,)),
    of(reductions.sum_, params={"axis": (0,), "keepdims": False}, out=(4,)),
    of(reductions.sum_, params={"axis": (0,), "keepdims": 0}, out=(4,)),
    of(reductions.sum_, params={"axis": (1,), "keepdims": False}, out=(3,)),
    of(reductions.sum_, params={"axis": None, "keepdims": False}, out=()),
    of(movement.cast_, params={"dtype": np.dtype("f4")}), of(movement.cast_, params={"dtype": np.dtype("f8")}),
    of(movement.cast_, params={"dtype": np.float32}), of(movement.cast_, params={"dtype": "f4"}),
    of(movement.cast_, params={"dtype": b"f4"}), of(movement.cast_, params={"dtype": slice(1, None)}),
    of(movement.cast_, params={"dtype": range(3)}), of(movement.cast_, params={"dtype": ...}),
    of(movement.cast_, params={"dtype": LARGE}), of(movement.cast_, params={"dtype": CHANGED}),
    replace(of(add, [None]), conditions=1), replace(of(add, [None]), outputs=()),
    replace(of(add, [None]), outputs=(Constant(1.0),)),
]  # fmt: skip


def test_whatever_is_another_has_another_text():
    texts = [text(program) for program in DIFFERENT]
    assert len(set(texts)) == len(texts)


def test_which_value_is_used_matters():
    def chained(first, second, given):
        x, y, u, v = (Value((3,), np.dtype(float)) for _ in range(4))
        values = {"x": x, "y": y, "u": u, "v": v}
        equations = [Equation(add, tuple(values[n] for n in first), {}, u, ""),
                     Equation(subtract, tuple(values[n] for n in second), {}, v, "")]  # fmt: skip
        return text(Program((x, y), tuple(equations), tuple(values[n] for n in given)))

    found = [chained("xy", "uy", "v"), chained("yx", "uy", "v"), chained("xy", "yu", "v"), chained("xy", "ux", "v"),
             chained("xy", "uy", "u"), chained("xy", "uy", "uv"), chained("xy", "uy", "vu")]  # fmt: skip
    assert len(set(found)) == len(found)


def test_names_and_lines_do_not_matter_and_copies_are_the_same():
    program = of(add, [np.ones(4)], name="x")
    other = of(add, [np.ones(4)], name="z")
    other.equations[0].line = "another line"
    assert text(program) == text(replace(other, name="g"))


def test_an_array_that_is_used_twice_is_not_two_that_are_equal():
    shared, first, second = np.ones(4), np.ones(4), np.ones(4)
    assert text(of(add, [shared, shared])) != text(of(add, [first, second]))
    found = spelled(of(add, [first, second, first]))
    assert found is not None
    assert [array is known for array, known in zip(found.arrays, (first, second), strict=True)] == [True, True]


def looped(*, length=5, carried=1, window=(0, 0, 1), each=False, stacked=(), strand=False, body=add):
    x, r, y = Value((3,), np.dtype(float)), Value((3,), np.dtype(float)), Value((3,), np.dtype(float))
    inner = Program((x, r), (Equation(body, (x, r), {}, y, ""),), (y,))
    loop = Loop(inner, length, carried, [Read((Window(*window),), each=each)], stacked, strand=strand)
    return text(of(loop_, [np.ones((9, 3))], {"loop": loop}))


def test_all_of_a_loop_matters():
    found = [
        looped(), looped(length=6), looped(carried=0), looped(window=(0, 1, 1)), looped(window=(0, 0, 2)),
        looped(window=(0, 0, 1, 3)), looped(window=(1, 0, 1)), looped(each=True), looped(stacked=(True,)),
        looped(stacked=(False,)), looped(strand=True), looped(body=subtract),
    ]  # fmt: skip
    assert len(set(found)) == len(found)
    assert looped() == looped()


class _Own(int):
    pass


@pytest.mark.parametrize(
    "program",
    [
        of(Elementwise("add", np.add, [1.0, 1.0]), [None]),  # called like one of Pullback's, and not it
        of(draw_, params={"generator": np.random.default_rng(0)}),
        of(add, [_Own(1)]), of(add, params={"f": lambda x: x}), of(add, params={"x": object()}),
        of(add, [np.array([None])]), of(add, [np.ma.ones(3)]), of(add, [np.array(["a"])]),
    ],
)  # fmt: skip
def test_what_cannot_be_told_from_others_has_no_text(program):
    assert spelled(program) is None
    (equation,) = program.equations
    assert spelled(program, lambda primitive: primitive is not equation.primitive) is None
    assert spelled(program, lambda primitive: primitive is equation.primitive) is not None


def test_a_primitive_that_was_put_in_the_place_of_another_is_not_taken_for_it(monkeypatch):
    known = text(of(elementwise.exp2))

    def own(x):
        return np.exp2(x) + 1

    mine = Elementwise("exp2", own, [1.0])
    monkeypatch.setattr(elementwise, "exp2", mine)
    found = spelled(of(mine))
    assert found is None or found.text != known


def test_the_text_is_the_same_in_another_process():
    probe = """
from hashlib import sha256
from tests.programs.test_spelling import DIFFERENT, text
print(sha256("".join(map(text, DIFFERENT)).encode()).hexdigest())
"""
    here = sha256("".join(map(text, DIFFERENT)).encode()).hexdigest()
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == here


def test_what_was_recorded_and_rolled_up_has_a_text():
    step = pb.compile(lambda x: pb.scan(lambda c, r: (c * 2 + pb.sin(r), c), x[0], x[1:])[1])
    for _ in range(2):
        step(np.ones((20, 3)))
    assert ["loop " in text(program) for program in step.stages.values()][:2] == [False, True]
