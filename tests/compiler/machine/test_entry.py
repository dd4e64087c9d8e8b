"""Entering native code: every object looked at as NumPy would, nothing kept, and nothing lost."""

from __future__ import annotations

import ctypes
import gc
import pickle
import sys
import threading
from functools import cache
from types import BuiltinFunctionType

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="native code is compiled through llvmlite")

from pullback.compiler.instructions.llvm import I64, PTR, Function, Module
from pullback.compiler.lowering.layout import Layout
from pullback.compiler.machine.entry import entered, entry, reading
from pullback.compiler.machine.entry import native as native_code
from pullback.compiler.machine.jit import Library
from pullback.core.errors import DTypeError

DTYPES = st.sampled_from(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"])
SIZES = st.lists(st.integers(0, 3), max_size=4).map(tuple)
WAYS = st.booleans()  # native or not


@cache
def copier(count):
    """A program that writes the first so many addresses of its table to where the next one points."""
    module = Module()
    run = Function(module, "run", [(PTR, "table")], I64)
    (table,) = run.arguments
    into = run.load(run.address(table, count, PTR), PTR)
    for slot in range(count):
        run.store(run.load(run.address(table, slot, PTR), PTR), run.address(into, slot, PTR))
    run.ret(run.const(0, I64))
    run.finish()
    return Library(module, ["run"])


class Reader:
    """What an entry answers, and the addresses that a program is given."""

    def __init__(self, *layouts, **options):
        self.seen = np.zeros(len(layouts), np.int64)
        run = copier(len(layouts)).address("run")
        self.enter = entered(layouts, run, [self.seen.ctypes.data], **options)

    def __call__(self, *objects):
        self.seen[:] = 0
        return self.enter(*objects)


@st.composite
def values(draw, shape=None, dtype=None):
    """Arrays that lie in memory in many ways, and numbers."""
    dtype = np.dtype(draw(DTYPES) if dtype is None else dtype)
    shape = draw(SIZES) if shape is None else shape
    steps = [draw(st.sampled_from([1, 1, -1, 2, 3, -2, 0])) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    whole = np.arange(np.prod([size * max(1, abs(step)) for size, step in zip(shape, steps, strict=True)], dtype=int))
    whole = whole.astype(dtype).reshape([shape[axis] * max(1, abs(steps[axis])) for axis in order])
    view = whole.transpose(np.argsort(order))[tuple(slice(None, None, step or None) for step in steps)]
    flat = [0 if step == 0 else stride for step, stride in zip(steps, view.strides, strict=True)]
    view = np.lib.stride_tricks.as_strided(view, shape, flat, writeable=draw(st.booleans()))
    if not shape and draw(st.booleans()):
        return view[()]
    return pickle.loads(pickle.dumps(view)) if draw(st.integers(0, 5)) == 0 else view


def fits(model, value, writes):
    """What a layout promises, in other words."""
    if isinstance(value, np.generic):
        return model.shape == () and model.dtype == value.dtype and not writes
    if model.dtype != value.dtype or model.shape != value.shape or (writes and not value.flags.writeable):
        return False
    return model.size == 0 or all(
        size == 1 or a == b for size, a, b in zip(model.shape, model.strides, value.strides, strict=True)
    )


@given(values(), values(), WAYS)
def test_programs_get_the_addresses_of_data(x, y, native):
    read = Reader(Layout.of(x), Layout.of(y), native=native)
    assert isinstance(read.enter, BuiltinFunctionType) == native
    assert read(x, y) == 0
    for value, place in zip((x, y), read.seen.tolist(), strict=True):
        if isinstance(value, np.ndarray):
            assert place == value.ctypes.data
        elif native:
            assert ctypes.string_at(place, value.nbytes) == value.tobytes()


@given(st.data(), st.booleans())
def test_native_code_and_python_and_numpy_agree_on_what_fits(data, writes):
    model = data.draw(values())
    same = {"shape": model.shape, "dtype": model.dtype}
    kept = data.draw(st.lists(st.sampled_from(["shape", "dtype"]), unique=True))
    value = data.draw(values(**{name: same[name] for name in kept}))
    layout = Layout.of(model, writes=writes)
    right = fits(model, value, writes)
    assert (layout.obstacle(value) is None) == right
    for native in (True, False):
        assert Reader(layout, native=native)(value) == (0 if right else 1)


def test_a_stride_counts_from_two_elements_on():
    x = np.zeros((1, 3, 2))
    layout = Layout.of(x)
    strange = np.lib.stride_tricks.as_strided(x, x.shape, (999, *x.strides[1:]))
    for native in (True, False):
        assert Reader(layout, native=native)(strange) == 0
        assert Reader(layout._replace(strides=(48, 16, 16)), native=native)(x) == 1
        empty = Layout.of(np.zeros((0, 3)))._replace(strides=(1, 2))
        assert Reader(empty, native=native)(np.zeros((0, 3))) == 0


class Derived(np.ndarray):
    pass


def misaligned():
    return np.zeros(9, np.uint8)[1:].view(np.float64)


MISFITS = {
    "list": [0.0], "None": None, "float": 0.0, "int": 0, "text": "x", "type": np.ndarray, "dtype": np.dtype(float),
    "another dtype": np.zeros(1, np.float32), "as wide": np.zeros(1, np.int64), "swapped": np.zeros(1, ">f8"),
    "swapped, by its name": np.zeros(1).astype(np.dtype(float).newbyteorder("S")),
    "objects": np.array([None]), "no axes": np.zeros(()), "two axes": np.zeros((1, 1)), "longer": np.zeros(2),
    "number": np.float64(0), "subclass": np.zeros(1).view(Derived), "not aligned": misaligned(),
    "structured": np.zeros(1, "f8,f8"), "text array": np.zeros(1, "U2"), "time": np.zeros(1, "M8[s]"),
}  # fmt: skip


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", MISFITS)
def test_misfits(name, native):
    layout, good = Layout.of(np.zeros(1)), np.ones(1)
    read = Reader(layout, layout, layout, native=native)
    for place in range(3):
        objects = [good, good, good]
        objects[place] = MISFITS[name]
        assert read(*objects) == 1 + place
        assert not read.seen.any()  # the program did not run
    assert read(good, good, good) == 0
    assert layout.obstacle(MISFITS[name])


@pytest.mark.parametrize("native", [True, False])
def test_the_number_of_objects(native):
    x = np.zeros(2)
    read = Reader(Layout.of(x), Layout.of(x), native=native)
    assert [read(), read(x), read(x, x), read(x, x, x), read(None, x, x)] == [1, 2, 0, 3, 3]
    assert Reader(native=native)() == 0


@pytest.mark.parametrize("native", [True, False])
def test_what_is_written_to_must_be_writeable(native):
    x = np.zeros(3)
    x.flags.writeable = False
    assert Reader(Layout.of(x), native=native)(x) == 0
    assert Reader(Layout.of(x, writes=True), native=native)(x) == 1
    assert Reader(Layout.of(x[0], writes=True), native=native)(np.float64(1)) == 1
    assert Reader(Layout.of(x[0], writes=True), native=native)(np.array(1.0)) == 0


@pytest.mark.parametrize("native", [True, False])
def test_numbers_of_another_type(native):
    read = Reader(Layout.of(np.float32(1)), native=native)
    others = [np.float64(1), np.int32(1), np.float16(1), True, 1.0, np.array(1.0), np.zeros(1, np.float32)]
    assert [read(other) for other in others] == [1] * len(others)
    assert read(np.float32(1)) == read(np.array(1, np.float32)) == 0


def test_why_something_does_not_fit():
    layout = Layout.of(np.zeros((2, 3)), writes=True)
    frozen = np.zeros((2, 3))
    frozen.flags.writeable = False
    said = [layout.obstacle(x) for x in ([], np.zeros((2, 3), ">f8"), np.zeros(2), np.zeros((3, 2)).T, frozen)]
    assert said == [
        "it is a list, not an ndarray", "its dtype is >f8, not <f8", "its shape is (2,), not (2, 3)",
        "its strides are (8, 16), not (24, 8)", "it must not be written to",
    ]  # fmt: skip
    with pytest.raises(DTypeError, match="byte order"):
        Layout.of(np.zeros(2, ">f8"))
    with pytest.raises(DTypeError, match="object"):
        Layout.of(np.array([None]))


# A program that takes its time: `wait` waits until x is not 0.
SLOW = """
define i64 @wait(ptr %table) {
entry:
  %x = load ptr, ptr %table
  %y.place = getelementptr ptr, ptr %table, i64 1
  %y = load ptr, ptr %y.place
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %after, %again ]
  %value = load atomic i64, ptr %x monotonic, align 8
  %set = icmp ne i64 %value, 0
  br i1 %set, label %done, label %again
again:
  %after = add i64 %i, 1
  %more = icmp slt i64 %after, 3000000000
  br i1 %more, label %loop, label %done
done:
  store i64 %value, ptr %y
  ret i64 0
}
"""


@pytest.fixture(scope="module")
def slow():
    return Library(SLOW, ["wait"])


@pytest.mark.parametrize("native", [True, False])
def test_long_programs_let_other_threads_run(slow, native):
    layout = Layout.of(np.zeros(1, np.int64))
    enter = entered([layout, layout], slow.address("wait"), long=True, native=native)
    x, y = np.zeros(1, np.int64), np.zeros(1, np.int64)
    thread = threading.Thread(target=enter, args=(x, y))
    thread.start()
    x[0] = 5
    thread.join()
    assert y[0] == 5


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("long", [True, False])
def test_a_program_that_calls_python_that_enters_it_again(long, native):
    module = Module()
    run = Function(module, "run", [(PTR, "table")], I64)
    place = run.load(run.address(run.arguments[0], 1, PTR), PTR)
    run.do(f"call void {place}()")
    run.ret(run.const(0, I64))
    run.finish()
    library = Library(module, ["run"])
    depth = []

    @ctypes.CFUNCTYPE(None)
    def callback():
        depth.append(None)
        if len(depth) < 4:
            assert enter(x) == 0

    x = np.zeros(3)
    address = ctypes.cast(callback, ctypes.c_void_p).value
    enter = entered([Layout.of(x)], library.address("run"), [address], long=long, native=native)
    assert enter(x) == 0
    assert len(depth) == 4


@pytest.mark.parametrize("long", [True, False])
def test_nothing_is_kept_and_nothing_is_lost(long):
    arrays = [np.zeros((3, 4), np.float32), np.zeros((2, 5)).T, np.float64(2.5), np.bool_(1)]
    layouts = [Layout.of(array) for array in arrays]
    seen, objects, wrong = np.zeros(4, np.int64), tuple(arrays), (*arrays[:3], None)
    enter = entered(layouts, copier(4).address("run"), [seen.ctypes.data], long=long)
    watched = [*arrays, objects, wrong, arrays[0].dtype, arrays[1].dtype, np.ndarray, np.float64, None, 0, 4, enter]

    def calls(times):
        for _ in range(times):
            enter(*objects)
            enter(*wrong)

    calls(100)
    gc.collect()
    before, blocks = [sys.getrefcount(x) for x in watched], sys.getallocatedblocks()
    calls(100_000)
    gc.collect()
    after, more = [sys.getrefcount(x) for x in watched], sys.getallocatedblocks() - blocks
    assert max(abs(a - b) for a, b in zip(after, before, strict=True)) < 50  # others count None and 0 too
    assert more < 1000


def test_native_code_that_reads_wrongly_is_not_used(monkeypatch):
    assert native_code.obstacle() is None
    x = np.zeros((2, 3))
    for name, other in [
        ("ARRAY_STRIDES", reading.ARRAY_SIZES), ("ARRAY_SIZES", reading.ARRAY_STRIDES), ("ARRAY_AXES", reading.DATA),
        ("ARRAY_FLAGS", reading.ARRAY_AXES), ("DTYPE_ELEMENTS", reading.HEADER - 8),
    ]:  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(reading, name, other)
            built = Library(reading.reading_module(), reading.EXPORTED, native_code.python_symbols())
            patch.setattr(native_code, "_library", lambda built=built: built)
            assert native_code.obstacle.__wrapped__() is not None, name
    monkeypatch.setattr(reading, "DATA", reading.ARRAY_SIZES)
    assert "otherwise" in native_code.obstacle.__wrapped__()
    monkeypatch.setattr(native_code.platform, "python_implementation", lambda: "PyPy")
    assert "CPython" in native_code.obstacle.__wrapped__()
    monkeypatch.setattr(entry, "obstacle", lambda: "this test says so")
    read = Reader(Layout.of(x))
    assert not isinstance(read.enter, BuiltinFunctionType)
    assert read(x) == 0
    assert read.seen[0] == x.ctypes.data


def test_the_right_stride_of_a_single_wrong_axis_is_noticed():
    x = np.zeros((2, 3, 4, 5))
    for axis in range(4):
        strides = list(x.strides)
        strides[axis] += 8
        shape = list(x.shape)
        shape[axis] += 1
        for changed in ({"strides": tuple(strides)}, {"shape": tuple(shape)}):
            assert Reader(Layout.of(x)._replace(**changed))(x) == 1


@given(values(), st.data())
def test_the_same_elements_in_another_layout(x, data):
    layout = Layout.of(data.draw(values(shape=x.shape, dtype=x.dtype)))
    assume(all(stride or size < 2 for stride, size in zip(layout.strides, layout.shape, strict=True)) or not x.size)
    made = layout.laid_out(x)
    assert layout.obstacle(made) is None
    np.testing.assert_array_equal(made, x)
    assert (made is x) == (layout.obstacle(x) is None)
