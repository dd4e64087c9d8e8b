"""Programs as values: they print, verify themselves, run on NumPy, and know nothing of the compiler."""

from __future__ import annotations

import subprocess
import sys
import weakref
from typing import Any

import numpy as np
import pytest
from scripts import architecture

import pullback as pb
from pullback.core.errors import GraphError
from pullback.ops import elementwise
from pullback.programs.interpret import interpreter
from pullback.programs.program import Constant, Equation, Program, Value
from pullback.programs.recording import record


def recorded(f: Any, *arrays: Any) -> Program:
    """What a function does with arrays, as a program."""

    def fill(tracer: Any) -> Any:
        return [tracer.argument(a, f"x{i}", i, a) for i, a in enumerate(arrays)], {}

    return record(f, fill, "f")[1].program


def value(name: str = "a") -> Value:
    return Value((2,), np.dtype(float), name)


def test_a_program_is_had_and_run_without_the_compiler():
    probe = """
import sys, numpy as np, pullback as pb
from pullback.programs.interpret import interpreter
from pullback.programs.recording import record
x = np.arange(3.0)
program = record(lambda t: pb.sin(t) * 2, lambda tracer: ([tracer.argument(x, "x", 0, x)], {}), "f")[1].program
print(program)
print(interpreter(program)([x]))
print(*sorted(name for name in sys.modules if name.startswith(("pullback.compiler", "pullback.visualize", "llvmlite"))))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=architecture.ROOT / "src"
    )
    *printed, numbers, loaded = done.stdout.splitlines()
    assert printed == [
        "f(x: float64[3]):", "  %0 = sin(x)  : float64 3", "  %1 = multiply(%0, 2)  : float64 3", "  return %1",
    ]  # fmt: skip
    assert numbers == str([2 * np.sin(np.arange(3.0))])
    assert loaded == ""


def test_the_gradient_is_part_of_what_a_function_does():
    x = np.array([1.0, 2.0])
    program = recorded(pb.grad(lambda t: (t * t * t).sum()), x)
    np.testing.assert_allclose(interpreter(program.verify())([x])[0], 3 * x**2)


def test_a_program_that_makes_no_sense_says_so():
    a, b = value("a"), value("b")
    negative = Equation(elementwise.negative, (a,), {}, b)
    assert Program((a,), (negative,), (b,)).verify().outputs == (b,)
    for program, text in [
        (Program((a, a), (negative,), (b,)), "an input is given twice"),
        (Program((), (negative,), (b,)), "used before it is made"),
        (Program((a,), (negative, negative), (b,)), "made twice"),
        (Program((a, b), (negative,), (b,)), "made twice"),
        (Program((a,), (), (b,)), "never made"),
    ]:
        with pytest.raises(GraphError, match=text):
            program.verify()


def test_how_often_a_value_is_used():
    a, b = value("a"), value("b")
    double = Equation(elementwise.add, (a, a), {}, b)
    assert Program((a,), (double,), (b, b, Constant(1.0))).uses() == {a: 2, b: 2}


def test_an_array_lives_no_longer_than_it_is_needed():
    seen, gone = [], []

    def kernel(x: Any) -> Any:
        gone.append([reference() is None for reference in seen])
        seen.append(weakref.ref(x))
        return x + 1

    probe = pb.Elementwise("probe", kernel, 1)
    x = np.zeros(2)
    program = recorded(lambda t: probe(probe(probe(t))), x)
    seen.clear()
    gone.clear()
    interpreter(program)([x])
    assert gone == [[], [False], [False, True]], "what the first made is gone once the second has used it"
