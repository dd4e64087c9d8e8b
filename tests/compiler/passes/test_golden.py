"""Programs after all passes are those that were read and kept; at every stage each program is well formed."""

from __future__ import annotations

import difflib

import numpy as np
import pytest
from tests.compiler.functions import CASES
from tests.compiler.passes import golden

from pullback.compiler.passes.stages import PASSES, ROUNDS
from pullback.core.opaque import Opaque
from pullback.programs.interpret import kernel_of
from pullback.programs.program import Constant

REWRITE = "if this is meant, write the files anew and read what has changed: python -m tests.compiler.passes.golden"
EVERY = {**CASES, **golden.FUNCTIONS}


@pytest.fixture(autouse=True)
def _all_passes(monkeypatch):
    monkeypatch.delenv("PULLBACK_PASSES", raising=False)


@pytest.mark.parametrize("name", golden.FUNCTIONS)
def test_a_program_is_the_one_that_was_kept(name):
    file = golden.path(name)
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    now = golden.text(name)
    changes = "\n".join(difflib.unified_diff(kept.splitlines(), now.splitlines(), "kept", "now", lineterm=""))
    assert now == kept, f"{name}\n{changes}\n{REWRITE}"


def test_no_file_is_left_of_a_function_that_is_gone():
    assert {file.stem for file in golden.FOLDER.iterdir()} == set(golden.FUNCTIONS)


def assert_well_formed(program):
    """Each value is made once, before its use, and its shape and dtype are those of what the kernel gives."""
    program.verify()
    made = {value: np.ones(value.shape, value.dtype) for value in program.inputs}
    for equation in program.equations:
        operands = [o.value if isinstance(o, Constant) else made[o] for o in equation.operands]
        if isinstance(equation.primitive, Opaque):  # it may draw
            made[equation.output] = np.ones(equation.output.shape, equation.output.dtype)
            continue
        found = made[equation.output] = kernel_of(equation)(*operands)
        if not isinstance(found, tuple):  # several outputs, which have no shape of their own
            assert np.shape(found) == equation.output.shape, equation
            assert found.dtype == equation.output.dtype, equation


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", EVERY)
def test_programs_are_well_formed_after_each_pass(name):
    f, args = EVERY[name]
    program = golden.stages(f, *args)["record"]
    assert_well_formed(program)
    for _ in range(ROUNDS):
        for change in PASSES.values():
            after = change(program)
            assert after.inputs == program.inputs
            assert len(after.outputs) - after.conditions == len(program.outputs) - program.conditions
            assert_well_formed(after)
            program = after


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_changes_no_program_that_it_is_given(name):
    program = golden.stages(*CASES["cross-entropy"][:1], *CASES["cross-entropy"][1])["record"]
    before = str(program)
    PASSES[name](program)
    assert str(program) == before
