"""Each primitive becomes operators of ONNX, or is refused with its line: over all rows of operations, generated."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from tests.ops.case import arrays
from tests.ops.cases import CASES
from tests.ops.test_complete import PRIMITIVES

import pullback as pb
from pullback.core.errors import TraceError

onnx = pytest.importorskip("onnx")

# Primitives for which there are no operators, and why.
WITHOUT = {
    "bessel_i": "a Bessel function is a series, which no operator computes",
    "find": "how much it finds depends on numbers, and shapes must follow from shapes",
}
# What else is refused of primitives that have operators: the words of the error, and why.
IN_PART = {"getitem": ("a mask selects, as many as there are", "how many depends on numbers")}
# What does nothing but to derivatives, so that a call that is not differentiated has none of it.
NOT_RECORDED = {"identity", "stop_gradient"}


class Tried(NamedTuple):
    """A sample of a row: the primitives of its program, and the file or the refusal."""

    case: Any
    sample: Any
    primitives: set[str]
    file: bytes | None
    refusal: str

    def __repr__(self) -> str:
        return f"{self.case} {self.sample} {self.refusal}"


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    from pullback.interop.onnx import exporting

    found = []
    path = tmp_path_factory.mktemp("onnx") / "f.onnx"
    record, primitives = exporting.record, set()

    def noted(*args):
        result = record(*args)
        primitives.update(equation.primitive.name for equation in result[1].program.equations)
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "record", noted)
        for case in CASES:
            for sample in case.samples:
                primitives.clear()
                file, refusal = None, ""

                def f(*xs, case=case, params=sample.params):
                    return case.f(*xs, **params)

                try:
                    file = pb.interop.to_onnx(f, *case.draw(sample, np.float32), path=path).read_bytes()
                except TraceError as error:
                    refusal = str(error)
                found.append(Tried(case, sample, {*primitives}, file, refusal))
    return found


def test_every_primitive_has_operators_or_stands_in_the_list(tried):
    written = {name for one in tried if one.file for name in one.primitives}
    assert {p.name for p in PRIMITIVES.values()} - written == WITHOUT.keys() | NOT_RECORDED
    assert not written & (WITHOUT.keys() | NOT_RECORDED)


def test_a_refusal_names_the_primitive_and_the_line(tried):
    refused = [one for one in tried if not one.file]
    assert all("case.py:" in one.refusal for one in refused)
    named = {name for one in refused for name in one.primitives if f"primitive  {name}\n" in one.refusal}
    assert named == {"bessel_i"} | IN_PART.keys()
    sized = [one for one in refused if "the size of a result depends on numbers" in one.refusal]
    assert {one.case.name for one in sized} == {"nonzero"}
    assert all("find" in one.primitives for one in sized)


def test_what_is_refused_is_in_the_lists_alone(tried):
    for one in (one for one in tried if not one.file):
        words = [words for name, (words, _) in IN_PART.items() if name in one.primitives]
        assert WITHOUT.keys() & one.primitives or any(word in one.refusal for word in words), one
    for words, _ in IN_PART.values():
        assert any(words in one.refusal for one in tried)


def test_the_files_give_the_numbers_of_the_functions(tried):
    runtime = pytest.importorskip("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL  # each operator as it is written
    wrong = []
    for one in (one for one in tried if one.file):
        xs = one.case.draw(one.sample, np.float32)
        session = runtime.InferenceSession(one.file, options, providers=["CPUExecutionProvider"])
        names = [x.name for x in session.get_inputs()]
        results = session.run(None, dict(zip(names, xs, strict=True)))
        with np.errstate(all="ignore"):
            wanted = arrays(one.case.f(*map(pb.tensor, xs), **one.sample.params))
        for result, array in zip(results, wanted, strict=True):
            same = (result.dtype, result.shape) == (array.dtype, array.shape)
            if not same or not np.allclose(result, array, rtol=1e-5, atol=1e-5, equal_nan=True):
                wrong.append((one, result, array))
    assert not wrong
