"""Programs on disk: a later process runs the same code without compiling, and no other program gets it."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="native code is compiled through llvmlite")

import pullback as pb
from pullback.compiler import compilation, pipeline
from pullback.compiler.contraction import blas
from pullback.compiler.instructions.processor import Machine
from pullback.compiler.machine import jit, kept
from pullback.compiler.machine.cache import ObjectCache
from pullback.core.kinds import Elementwise
from pullback.profiling import recorder


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", str(tmp_path / "objects"))
    return tmp_path / "objects"


@pytest.fixture
def made(monkeypatch):
    """Which functions went through the pipeline: a compiled function that is made anew knows as much as a process."""
    names, begin = [], pipeline.Pipeline.__init__

    def noted(self, recorded, switches=None):
        names.append(recorded.name)
        begin(self, recorded, switches)

    monkeypatch.setattr(pipeline.Pipeline, "__init__", noted)
    return names


def answers(f, *args, times=4):
    step = pb.compile(f)
    results = [step(*args) for _ in range(times)]
    return step, [np.asarray(leaf.numpy()) for leaf in (results[-1] if type(results[-1]) is tuple else (results[-1],))]


def executables(step):
    return step._most_used("memory").executables


rng = np.random.default_rng(0)
A, B = rng.normal(size=(2, 12, 12))
INDEX = np.array([3, 1, 4, 1, 5])

PROGRAMS = {
    "products": (lambda a, b: pb.exp(pb.tanh(a) @ b) @ b, (A, B)),
    "two outputs": (lambda a, b: (pb.sin(a) + b, (a * b).sum(0)), (A, B)),
    "transposed": (lambda a, b: pb.exp(a.T) * b, (A.T, B[::-1])),
    "a loop": (lambda a: pb.scan(lambda c, r: (pb.tanh(c * 0.5 + r), c), a[0], a)[1], (A,)),
    "an unrolled loop with a table": (lambda a: sum(pb.sin(a * (k * k % 7)) / (k + 1) for k in range(9)), (A,)),
    "gathered": (lambda a: pb.exp(a[INDEX]) * 2, (A,)),
    "argmax": (lambda a: (a * 2 + 1).argmax(1) + 0, (A,)),
    "made anew": (lambda a: pb.exp(a) * np.arange(12.0), (A,)),
    "float32": (lambda a: pb.sqrt(pb.abs(a)) + 1, (A.astype(np.float32),)),
    "the gradient of a mean": (lambda a: pb.grad(lambda x: (pb.tanh(x) ** 2).mean())(a), (A,)),
    "numbers": (lambda a, x: pb.exp(a) * x, (A, np.float64(0.5))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_was_compiled_before_is_not_compiled_again(name, made):
    f, args = PROGRAMS[name]
    first, expected = answers(f, *args)
    assert len(made) == 1
    second, found = answers(f, *args)
    assert len(made) == 1, "the passes ran again"
    for a, b in zip(expected, found, strict=True):
        assert (a.dtype, a.shape, a.strides, a.tobytes()) == (b.dtype, b.shape, b.strides, b.tobytes())
    (one,), (other,) = executables(first), executables(second)
    assert str(one.outline) == str(other.outline)
    assert other.codes[0].found
    # Who looks at it sees what there was to be seen.
    assert first.explain() == second.explain()
    assert [*first.stages] == [*second.stages]
    assert first.llvm() == second.llvm()
    assert len(made) == 2


def step_with_state():
    w = pb.tensor(np.full(5, 0.5), requires_grad=True)

    def step(x):
        loss = ((w * x).sum() - 1) ** 2
        w.grad = None
        loss.backward()
        with pb.no_grad():
            w.assign(w - 0.01 * w.grad)
        return loss

    return w, step


def test_a_training_step_goes_on_in_the_same_way(made):
    states = []
    for _ in range(2):
        w, step = step_with_state()
        losses = answers(step, np.arange(5.0), times=7)[1]
        states.append((w.numpy().tobytes(), w.grad.numpy().tobytes(), losses[0].tobytes()))
    assert states[0] == states[1]
    assert len(made) == 1


def test_what_was_found_not_to_pay_is_not_asked_again(made, monkeypatch):
    monkeypatch.setattr(pipeline, "unpaid", lambda *_: "this test says so")
    for _ in range(2):
        step, _found = answers(lambda a: pb.exp(a) * 2, A)
        assert "runs as it is written: this test says so" in step.explain()
    for _ in range(2):
        step, _found = answers(lambda a: a[1:], A)
        assert "it gives views" in step.explain()
    assert len(made) == 2


def scaled(number):
    return lambda a: pb.exp(a) * number


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((scaled(2.0), A), (scaled(3.0), A)),
        ((scaled(2.0), A), (scaled(np.nextafter(2.0, 3)), A)),
        ((scaled(0.0), A), (scaled(-0.0), A)),
        ((scaled(2.0), A), (scaled(2.0), A.astype(np.float32))),
        ((scaled(2.0), A), (scaled(2.0), A.T)),
        ((scaled(2.0), A), (scaled(2.0), A[:6])),
        ((lambda a: pb.exp(a).sum(0), A), (lambda a: pb.exp(a).sum(1), A)),
        ((lambda a: a[INDEX] * 2, A), (lambda a: a[INDEX + 1] * 2, A)),
        ((lambda a: pb.sin(a) - pb.cos(a), A), (lambda a: pb.cos(a) - pb.sin(a), A)),
        ((lambda a: pb.exp(a) * np.arange(12.0), A), (lambda a: pb.exp(a) * np.arange(1.0, 13.0), A)),
    ],
)
def test_another_program_is_compiled_for_itself(one, other, made):
    for f, a in (one, other):
        expected = f(pb.tensor(a)).numpy()
        np.testing.assert_allclose(answers(f, a)[1][0], expected, rtol=1e-6)
        np.testing.assert_allclose(answers(f, a)[1][0], expected, rtol=1e-6)
    assert len(made) == 2


def test_the_passes_that_are_asked_for_are_part_of_the_name(made, monkeypatch):
    def f(a):
        return pb.sin(a) * pb.sin(a)

    answers(f, A)
    monkeypatch.setenv(compilation.SWITCHES, "fuse,in_place")
    step, _ = answers(f, A)
    assert len(made) == 2
    assert "deduplicate" not in step.stages
    answers(f, A)
    assert len(made) == 2


def test_how_derivatives_are_taken_is_part_of_the_name(made):
    for _ in range(2):
        for mode in (pb.strict_nan, pb.no_grad, contextlib.nullcontext):
            with mode():
                answers(lambda a: pb.sqrt(pb.abs(a)) + 1, A)
    assert len(made) == 3


def test_versions_processor_and_source_are_part_of_the_name(made, monkeypatch):
    target, f = jit._target(), PROGRAMS["float32"][0]
    answers(f, A)
    for number, part in enumerate((jit.__version__, np.__version__, target.machine.triple), start=2):
        assert part in target.versions
        with monkeypatch.context() as patch:
            patch.setattr(jit, "_target", lambda part=part: target._replace(versions=target.versions.replace(part, "")))
            answers(f, A)
        assert len(made) == number
    sources = [path for path, _, _ in jit._source()]
    for needed in ("core/kinds.py", "ops/elementwise.py", "compiler/passes/simplify.py", "programs/loop.py"):
        assert any(path.endswith(needed) for path in sources)


def test_how_arrays_lie_and_what_may_be_written_over_are_part_of_the_name(made):
    step, _ = answers(lambda a, b: pb.exp(a) + b, A, B)
    program, (c, f) = step.stages["record"], ((12, 1), (1, 12))
    x, y = program.inputs
    asked = [
        ({x: c, y: c}, [c], {}), ({x: f, y: c}, [c], {}), ({x: c, y: f}, [c], {}), ({x: c, y: c}, [f], {}),
        ({x: c, y: c}, [c], {0: x}), ({x: c, y: c}, [c], {0: y}),
    ]  # fmt: skip
    made.clear()
    for _ in range(2):
        outlines = [str(compilation.Compilation(program).executable(*what).outline) for what in asked]
        assert len(made) == len(asked) == len(set(outlines))


def test_a_primitive_of_the_users_is_never_kept(made):
    def bent(scale):
        return Elementwise("exp", lambda x: np.exp(x) * scale, [lambda y: y])

    for scale in (1.0, 2.0):
        own = bent(scale)
        found = answers(lambda a, own=own: pb.sin(own(a)) * 2, A)[1][0]
        np.testing.assert_allclose(found, np.sin(np.exp(A) * scale) * 2, rtol=1e-12)
    assert len(made) == 2


def test_programs_that_call_numpy_are_compiled_as_before(made):
    def f(a):
        return pb.linalg.inv(pb.exp(a)) * 2 + 1

    for _ in range(2):
        step, found = answers(f, A)
        np.testing.assert_allclose(found[0], np.linalg.inv(np.exp(A)) * 2 + 1, rtol=1e-9)
        assert not executables(step)[0].outline.whole
    assert len(made) == 2


def entries(folder):
    """The entry of the one program, and that of its code."""
    texts = {path: path.read_bytes() for path in folder.iterdir()}
    (program,) = [path for path, content in texts.items() if any(p.stem.encode() in content for p in texts)]
    code = next(path for path in texts if path.stem.encode() in texts[program])
    return program, code


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("damage", [lambda b: b[:-3], lambda b: b"", lambda b: b[:-1] + b"\x07", None])
def test_what_is_damaged_or_gone_is_compiled_again(which, damage, made, folder):
    f, args = PROGRAMS["made anew"]
    expected = answers(f, *args)[1]
    path = entries(folder)[which]
    path.unlink() if damage is None else path.write_bytes(damage(path.read_bytes()))
    assert answers(f, *args)[1][0].tobytes() == expected[0].tobytes()
    assert len(made) == 2
    assert answers(f, *args)[1][0].tobytes() == expected[0].tobytes()
    assert len(made) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"\x01", b"\x02\0\0\0xx", b"\x09\0\0\0unpaid", b"\xff\xff\xff\xffcode\n1 2 3", b"\x05\0\0\0\xff\n1 2"],
)
def test_an_entry_of_something_else_is_as_good_as_none(content):
    ObjectCache.of_user().store(jit.entry_of("a key", kept.PROGRAM), content)
    assert kept.find("a key", "f", [], lambda: pytest.fail("compiled")) is None


def test_an_outline_is_read_as_it_was_written():
    arrays, behind = [np.ones(3), np.arange(6.0).reshape(2, 3)], bytearray()
    step, _ = answers(*PROGRAMS["two outputs"][:1], *PROGRAMS["two outputs"][1])
    repeated = np.broadcast_to(np.arange(3.0)[:, None], (2, 3, 4))
    constants = (arrays[1], np.float32(2.5), np.arange(4, dtype=np.int8).reshape(2, 2), np.ones(()), repeated)
    outline = executables(step)[0].outline._replace(constants=constants, replaces=((0, 1), (2, 0)), threaded=True)
    words = [*map(str, kept._words(outline, arrays, behind))]
    read = kept._read(iter(words), arrays, bytes(behind))
    assert read._replace(constants=()) == outline._replace(constants=())
    assert read.constants[0] is arrays[1]
    for a, b in zip(read.constants, constants, strict=True):
        assert (type(a), a.dtype, a.shape, a.tobytes()) == (type(b), b.dtype, b.shape, b.tobytes())
        assert a.strides == b.strides
    for wrong in (words[:-1], [*words, "1"], ["x", *words[1:]]):
        with pytest.raises((ValueError, RuntimeError, StopIteration, IndexError)):
            kept._read(iter(wrong), arrays, bytes(behind))
    assert kept._words(outline._replace(constants=(np.ones((4, 4))[::2],)), arrays, bytearray()) is None


def test_without_a_cache_nothing_is_kept(made, monkeypatch):
    monkeypatch.setenv("PULLBACK_CACHE", "0")
    for count in (1, 2):
        answers(*PROGRAMS["float32"][:1], A)
        assert len(made) == count


def test_code_with_stamps_is_never_taken_for_code_without_and_what_was_kept_can_be_profiled(made):
    def f(a, b):
        return pb.exp(pb.tanh(a) @ b) @ b

    expected = answers(f, A, B)[1][0]
    with pb.profile():
        answers(f, A, B)  # which writes code with stamps
    for times in (1, 4):
        step, _ = answers(f, A, B)
        (kept_one,) = executables(step)
        assert kept_one.codes[0].found
        assert kept_one.outline.arena == kept_one.plan.arena, "there is no room for stamps"
        with pb.profile() as p:
            found = [step(A, B).numpy() for _ in range(times)]
        assert all(array.tobytes() == expected.tobytes() for array in found)
        assert len([event for event in p.events if event.kind == "kernel"]) == times * len(kept_one.plan.kernels)
        assert not [event for event in p.events if event.kind in ("passes", "profiler", "operation")], "its own work"
        stamped = recorder._stamped[kept_one]._executable
        assert stamped.codes[0].entry != kept_one.codes[0].entry
        assert step(A, B).numpy().tobytes() == expected.tobytes()


def test_loading_what_was_kept_is_seen_by_a_profile(made):
    f, args = PROGRAMS["float32"]
    answers(f, *args)
    with pb.profile() as p:
        answers(f, *args)
    assert len(made) == 2, "the plan of the program with stamps"
    kinds = [event.kind for event in p.events]
    assert "code" in kinds
    assert "passes" not in kinds


def test_who_looks_later_sees_what_was_made_in_the_mode_of_the_call():
    def f(a):
        return pb.sqrt(pb.abs(a)) + pb.var(a, 0)

    with pb.strict_nan():
        first, _ = answers(f, A)
        second, _ = answers(f, A)
    assert executables(second)[0].codes[0].found
    assert first.llvm() == second.llvm()
    with pb.strict_nan():
        third, _ = answers(f, A)
    assert third._most_used("mode")._compilation._flags == (True, True, False)


@pytest.mark.parametrize("missing", ["SciPy is not installed", ""])
def test_code_that_calls_blas_is_taken_only_where_there_is_one(missing, made, monkeypatch):
    if why := blas.find().missing:
        pytest.skip(f"no BLAS: {why}")
    monkeypatch.setattr(blas, "machine", lambda: Machine(8, fma=False, width=32))
    f, args = PROGRAMS["products"]
    step, expected = answers(f, *args)
    assert executables(step)[0].outline.pieces[0].calls_blas
    if missing:
        monkeypatch.setattr(blas, "find", lambda: blas.Found({}, missing))
    step, found = answers(f, *args)
    assert len(made) == (2 if missing else 1)
    assert executables(step)[0].outline.pieces[0].calls_blas != bool(missing)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
