"""Emitted contractions: NumPy's numbers, no memory but their own, one order of additions."""

from __future__ import annotations

import ctypes
import mmap
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite", reason="contractions are compiled through llvmlite")

from pullback.compiler.contraction import Contraction, emit_matmul, plan, scratch_bytes
from pullback.compiler.contraction.split import Split, runs
from pullback.compiler.instructions.llvm import PTR, Function, Module, Type, constant
from pullback.compiler.instructions.vectors import first_lanes, store, transpose
from pullback.compiler.machine.jit import Library
from pullback.core.errors import DTypeError, ShapeError

POINTER = ctypes.c_void_p
SIZES = st.one_of(st.sampled_from([0, 1, 2, 3, 6, 7, 15, 16, 17, 24, 25, 31, 48, 64, 65]), st.integers(0, 40))
DTYPES = st.sampled_from([np.float32, np.float64])


class Product:
    """A compiled contraction."""

    def __init__(self, how, **options):
        module = Module()
        emit_matmul(module, "matmul", how, **options)
        self.how = how
        self.code = Library(module, ["matmul"])
        extra = [POINTER] * len(options.get("parameters", ()))
        integers = [ctypes.c_int64] * 2
        self.call = self.code.function("matmul", *[POINTER] * 4, *integers, *extra)

    def __call__(self, a, b, c, *extra, pieces=None):
        for first, last in pieces or [(0, self.how.pieces)]:
            scratch = guarded((scratch_bytes(self.how),), np.uint8)  # what a piece left there means nothing to others
            scratch[:] = 0xFF  # NaN, if it is read before it is written
            pointers = [x.ctypes.data for x in (a, b, c, scratch)]
            self.call(*pointers, first, last, *(x.ctypes.data for x in extra))
        return c


compiled = cache(Product)


@cache
def protect():
    function = ctypes.CDLL(None, use_errno=True).mprotect
    function.argtypes = [POINTER, ctypes.c_size_t, ctypes.c_int]
    return function


def guarded(shape, dtype, *, at_end=True):
    """An array whose end, or whose beginning, touches a page that must be neither read nor written."""
    page, size = mmap.PAGESIZE, int(np.prod(shape)) * np.dtype(dtype).itemsize
    inside = -(-size // page) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    raw = np.frombuffer(memory, np.uint8)
    for start in (0, page + inside):
        assert protect()(raw.ctypes.data + start, page, 0) == 0
    first = page + (inside - size if at_end else 0)
    return raw[first : first + size].view(dtype).reshape(shape)


@st.composite
def matrices(draw, rows, columns, dtype, *, output=False):
    """A view of guarded memory: transposed, with gaps, backwards, or repeated."""
    layout = draw(st.sampled_from(["plain", "plain", "transposed", "transposed", "gaps", "backwards", "steps", "zero"]))
    if layout == "zero" and output:
        layout = "steps"
    shape = (columns, rows) if layout == "transposed" else (rows, columns)
    wide = {"gaps": (shape[0], shape[1] + draw(st.integers(1, 9))), "steps": (2 * shape[0], 3 * shape[1])}
    whole = guarded(wide.get(layout, shape), dtype, at_end=draw(st.booleans()))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    whole[...] = rng.normal(size=whole.shape) if not output else 7
    view = {
        "plain": lambda: whole,
        "transposed": lambda: whole.T,
        "gaps": lambda: whole[:, : shape[1]],
        "backwards": lambda: whole[::-1, ::-1],
        "steps": lambda: whole[::2, ::3],
        "zero": lambda: np.broadcast_to(whole[:1], shape) if rows else whole,
    }[layout]()
    if layout in ("gaps", "steps"):
        inside = np.zeros(whole.shape, bool)
        inside[:, : shape[1]] = layout == "gaps"
        inside[::2, ::3] |= layout == "steps"
        whole[~inside] = np.nan if not output else 7
        return view, lambda: bool((whole[~inside] == 7).all())
    return view, lambda: True


@st.composite
def problems(draw, sizes=SIZES):
    m, n, k, dtype = draw(sizes), draw(sizes), draw(sizes), draw(DTYPES)
    a, _ = draw(matrices(m, k, dtype))
    b, _ = draw(matrices(k, n, dtype))
    c, untouched = draw(matrices(m, n, dtype, output=True))
    return a, b, c, untouched


def assert_close(c, a, b, more=0.0):
    """To within the error that any order of additions may have: Higham, Accuracy and Stability, §3.1."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    bound = (a.shape[1] + 2) * np.finfo(c.dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(more))
    assert (np.abs(c - (a @ b + more)) <= bound).all()


@given(problems(), st.booleans())
def test_numpys_numbers_from_any_strides(problem, accumulate):
    a, b, c, untouched = problem
    what = Contraction.between(a, b, c, accumulate=accumulate)
    compiled(plan(what))(a, b, c)
    assert_close(c, a, b, 7.0 if accumulate else 0.0)
    assert untouched()


@st.composite
def plans(draw, what):
    """Ways of computing that the rules would choose for larger problems only."""
    how = plan(what, vectors=draw(st.sampled_from([4, 8, 32])))
    down, along = (Split(tiles.parts, draw(st.integers(1, max(1, tiles.parts)))) for tiles in (how.rows, how.columns))
    if min(what.m, what.n) == 0 or how.way == "inner":
        return how
    return replace(
        how,
        depth=Split(how.what.k, draw(st.integers(1, max(1, min(4, what.k))))),
        strips=(down, along),
        pack_a=how.what.a[0] == 1 and draw(st.booleans()),
        pack_b=how.what.b[1] != 1 or draw(st.booleans()),
        rows_first=draw(st.booleans()),
    )


@given(st.data())
def test_packed_and_blocked_and_in_pieces(data):
    a, b, c, untouched = data.draw(problems())
    how = data.draw(plans(Contraction.between(a, b, c)))
    product = compiled(how)
    product(a, b, c)
    assert_close(c, a, b)
    assert untouched()
    apart = np.full(c.shape, 5, c.dtype) if c.flags.c_contiguous else None
    if apart is not None:
        order = data.draw(st.permutations(range(how.pieces)))
        product(a, b, apart, pieces=[(piece, piece + 1) for piece in order])
        np.testing.assert_array_equal(apart, c)


@pytest.mark.parametrize(("m", "n", "k", "transposed"), [
    (130, 70, 300, (0, 0)), (70, 200, 600, (1, 1)), (30, 40, 2600, (0, 0)), (40, 64, 784, (0, 1)),
    (9, 300, 900, (0, 1)), (300, 70, 700, (1, 0)),
    (64, 1024, 40, (0, 0)), (1024, 256, 20, (1, 0)), (3, 4096, 80, (0, 0)), (300, 1, 200, (1, 0)), (2, 3, 5000, (0, 1)),
])  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_larger_ones_as_the_rules_have_it(m, n, k, transposed, dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    a, b = (x.T.copy().T if flag else x for x, flag in zip((a, b), transposed, strict=True))
    what = Contraction.between(a, b)
    c = Product(plan(what))(a, b, np.full((m, n), 9, dtype))
    assert_close(c, a, b)
    for vectors in (4, 8):  # a machine with smaller registers has other tiles, and the same bits
        other = plan(what, vectors=vectors)
        assert other != plan(what, vectors=32)
        np.testing.assert_array_equal(Product(other)(a, b, np.full((m, n), 9, dtype)), c)


def fused(x, y, more):
    return float(Fraction(x) * Fraction(y) + Fraction(more))


def in_a_chain(a, b, blocks):
    result = 0.0
    for number, (start, stop) in enumerate(blocks):
        chain = 0.0
        for x, y in zip(a[start:stop], b[start:stop], strict=True):
            chain = fused(x, y, chain)
        result = chain if number == 0 else result + chain
    return result


def in_lanes(a, b, lanes, copies):
    sums = np.zeros((copies, lanes))
    for k, (x, y) in enumerate(zip(a, b, strict=True)):
        copy, lane = k // lanes % copies, k % lanes
        sums[copy, lane] = fused(x, y, sums[copy, lane])
    result = sums[0]
    for other in sums[1:]:
        result = result + other
    while len(result) > 1:
        half = len(result) // 2
        result = result[:half] + result[half:]
    return result[0]


@pytest.mark.parametrize(
    ("m", "n", "k", "parts"), [(2, 9, 37, 1), (9, 8, 20, 3), (1, 1, 50, 1), (3, 1, 130, 1), (2, 20, 17, 1)]
)
@pytest.mark.parametrize("transposed", [False, True])
def test_bits_are_those_of_the_stated_order(m, n, k, parts, transposed):
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(m, k)), rng.normal(size=(n, k)).T if transposed else rng.normal(size=(k, n))
    how = plan(Contraction.between(a, b))
    if how.way == "outer":
        how = replace(how, depth=Split(k, parts))
    c = Product(how)(a, b, np.zeros((m, n)))
    ends = np.cumsum([0, *(how.depth.short + (part < how.depth.longer) for part in range(how.depth.parts))])
    blocks = list(pairwise(ends))
    for i, j in np.ndindex(m, n):
        expected = in_a_chain(a[i], b[:, j], blocks) if how.way == "outer" else in_lanes(a[i], b[:, j], 8, how.copies)
        assert c[i, j] == expected


def test_both_ways_are_found_by_the_test_of_the_order():
    square = np.zeros((2, 37))
    assert plan(Contraction.between(square, np.zeros((37, 9)))).way == "outer"
    assert plan(Contraction.between(square, np.zeros((9, 37)).T)).way == "inner"
    assert plan(Contraction.between(np.zeros((3, 130)), np.zeros((130, 1)))).copies == 3


@given(st.data())
def test_nan_and_infinity_go_where_they_belong(data):
    a, b, c, _ = data.draw(problems(st.integers(1, 20)))
    a, b = a.copy(), b.copy()
    for x in (a, b):
        places = data.draw(st.lists(st.integers(0, x.size - 1), max_size=3))
        x.flat[places] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
        x.flat[data.draw(st.integers(0, x.size - 1))] = 0
    compiled(plan(Contraction.between(a, b, c)))(a, b, c)
    with np.errstate(invalid="ignore"):
        expected = (a.astype(float)[:, :, None] * b.astype(float)[None]).sum(axis=1)
    np.testing.assert_array_equal(np.isnan(c), np.isnan(expected))
    np.testing.assert_array_equal(c[np.isinf(expected)], expected[np.isinf(expected)].astype(c.dtype))
    np.testing.assert_array_equal(np.isfinite(c), np.isfinite(expected))


def masked(function, name, kind, *operands, result=None):
    return function.call(f"llvm.masked.{name}.{kind.suffix}.p0", *operands, kind=result)


@pytest.mark.parametrize("unrolled", [True, False])
@given(problem=problems(st.integers(1, 40)))
def test_an_epilogue_gets_each_element_once(unrolled, problem):
    a, b, _, _ = problem
    m, n = len(a), b.shape[1]
    what = Contraction.between(a, b)
    how, kind = plan(what, turn=False), what.vector

    def add_up(function, row, column, sums, mask):
        """bias[column] + sums, added to what is in the sixth array; and one more for each time."""
        bias, into, times = function.arguments[-3:]
        at = function.binary("add", function.binary("mul", row, n), column)
        places = (
            function.address(bias, column, kind),
            function.address(into, at, kind),
            function.address(times, at, kind),
        )
        align, zero = constant(kind.bits // 8, kind.of("i32")._replace(lanes=0)), constant(0, kind)
        mask = mask or constant(1, kind.mask)
        old = [masked(function, "load", kind, place, align, mask, zero, result=kind) for place in places]
        total = function.binary("fadd", function.binary("fadd", sums, old[0]), old[1])
        masked(function, "store", kind, total, places[1], align, mask)
        masked(function, "store", kind, function.binary("fadd", old[2], 1), places[2], align, mask)

    parameters = [(PTR, "bias"), (PTR, "into"), (PTR, "times")]
    product = Product(how, parameters=parameters, epilogue=add_up, unrolled=unrolled)
    bias, into = guarded((n,), a.dtype), guarded((m, n), a.dtype)
    times, c = guarded((m, n), a.dtype, at_end=False), guarded((0, 0), a.dtype)
    bias[:], into[:] = np.arange(n), 3
    product(a, b, c, bias, into, times)
    assert_close(into, a, b, np.arange(n) + 3.0)
    assert (times == 1).all()


def test_lanes_run_along_rows_when_c_does():
    a, b = np.arange(12.0).reshape(3, 4), np.arange(20.0).reshape(4, 5)
    c = np.zeros((5, 3)).T
    how = plan(Contraction.between(a, b, c))
    assert how.turned
    assert how.what == Contraction.between(a, b, c).turned()
    assert not plan(Contraction.between(a, b, c), turn=False).turned
    np.testing.assert_array_equal(Product(how)(a, b, c), a @ b)


@pytest.mark.parametrize("k", [1, 3, 20])
def test_lanes_run_along_the_rows_of_one_column(k):
    a, b = np.random.default_rng(k).standard_normal((37, k)), np.ones((k, 1))
    for matrix in (a, np.asfortranarray(a)):
        how = plan(Contraction.between(matrix, b, np.zeros((37, 1))))
        assert how.turned
        assert (how.what.m, how.what.n) == (1, 37)
        np.testing.assert_allclose(Product(how)(matrix, b, np.zeros((37, 1))), a @ b, rtol=1e-13)


def test_a_plan_follows_from_the_problem_and_says_what_it_is():
    what = Contraction.between(np.zeros((256, 1024), np.float32), np.zeros((4096, 1024), np.float32).T)
    assert plan(what) == plan(what)
    assert hash(plan(what)) == hash(plan(what))
    assert plan(what).pieces > 1
    assert 0 < scratch_bytes(plan(what)) < 3 << 20
    assert "256×1024 · 1024×4096 float32" in str(plan(what))
    assert "B packed" in str(plan(what))
    small = Contraction.between(np.zeros((8, 8)), np.zeros((8, 8)))
    assert plan(small).pieces == 1
    assert scratch_bytes(plan(small)) == 0


def test_few_registers_want_more_to_be_packed_and_cut_k_no_other_way():
    forward = Contraction.between(np.zeros((768, 128), np.float32), np.zeros((128, 512), np.float32))
    weights = Contraction.between(np.zeros((768, 512), np.float32).T, np.zeros((768, 128), np.float32))
    for what, name in ((forward, "pack_b"), (weights, "pack_a")):
        few, many = plan(what, vectors=8), plan(what, vectors=32)
        assert getattr(few, name)
        assert not getattr(many, name)
        assert few.depth == many.depth
    assert plan(weights).depth.parts == 3


@pytest.mark.parametrize(("scalar", "lanes"), [("float", 4), ("float", 8), ("float", 16), ("double", 4), ("double", 8)])
def test_square_blocks_are_transposed(scalar, lanes):
    module = Module()
    f = Function(module, "turn", [(PTR, "a"), (PTR, "b")])
    kind = Type(scalar, lanes)
    rows = [f.load(f.address(f.arguments[0], row * lanes, kind), kind) for row in range(lanes)]
    for row, values in enumerate(transpose(f, rows)):
        store(f, values, f.address(f.arguments[1], row * lanes, kind), first_lanes(lanes - 1, kind))
    f.ret()
    f.finish()
    a = np.arange(lanes * lanes, dtype="f4" if scalar == "float" else "f8").reshape(lanes, lanes)
    b = np.full_like(a, -1)
    code = Library(module, ["turn"])
    code.function("turn", POINTER, POINTER)(a.ctypes.data, b.ctypes.data)
    np.testing.assert_array_equal(b[:, :-1], a.T[:, :-1])
    assert (b[:, -1] == -1).all()  # outside of the mask


def test_what_cannot_be_contracted():
    with pytest.raises(ShapeError, match="sizes differ"):
        Contraction.between(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ShapeError, match="sizes differ"):
        Contraction.between(np.zeros((2, 3)), np.zeros((3, 2)), np.zeros((2, 3)))
    with pytest.raises(DTypeError, match="int64"):
        Contraction.between(np.zeros((2, 3), np.int64), np.zeros((3, 2), np.int64))


@given(total=st.integers(0, 200), most=st.integers(1, 9), tail=st.integers(1, 16))
def test_parts_are_as_equal_as_can_be(total, most, tail):
    split = Split.into(total, most)
    found = runs(split, 16, total * 16 - 16 + tail)
    lengths, start = [], 0
    for kind in found:
        lengths += [(kind.length, kind.tail)] * (kind.end - start)
        start = kind.end
    assert len(lengths) == split.parts == -(-total // most)
    assert sum(length for length, _ in lengths) == total
    assert all(0 < length <= most for length, _ in lengths)
    assert not lengths or max(lengths)[0] - min(lengths)[0] <= 1
    assert [t for _, t in lengths] == [16] * (split.parts - 1) + [tail] * (split.parts > 0)
