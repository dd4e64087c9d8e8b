"""One row of facts a primitive: none is missing, none is said twice, and each says what is true."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from scripts import primitives as primitives_page
from tests.compiler.passes.golden import stages

import pullback
import pullback as pb
from pullback.compiler import facts
from pullback.compiler.facts.row import RECORDED
from pullback.compiler.facts.rows import SPECIAL
from pullback.compiler.fusion.equations import is_elementwise
from pullback.compiler.passes.expand import expand
from pullback.core.kinds import Elementwise, Reduction
from pullback.core.primitive import Primitive
from pullback.ops import elementwise, special

WAYS = (
    "instructions", "definition", "places", "accumulator", "running", "parts", "indexed", "contraction", "matrices",
    "kernel",
)  # fmt: skip


def primitives():
    """Every primitive that the package makes, wherever it stands, with the first name that is found for it."""
    found = {}
    for module in pkgutil.walk_packages(pullback.__path__, "pullback."):
        if not module.name.endswith("__main__") and (".onnx." not in module.name or find_spec("onnx")):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                values = vars(importlib.import_module(module.name))
            found |= {p: f"{module.name}.{name}" for name, p in values.items() if isinstance(p, Primitive)}
    return found


ALL = primitives()
RECORDINGS = [p for p, row in facts.ROWS.items() if row.definition == RECORDED]


def said(row):
    """The ways that a row names."""
    return {way for way in WAYS if getattr(row, way)}


def test_every_primitive_has_a_row_and_every_row_a_primitive():
    missing = [name for p, name in ALL.items() if p not in facts.ROWS]
    assert not missing, f"no row in compiler/facts/rows.py: {', '.join(missing)}"
    assert set(facts.ROWS) == set(ALL)


@pytest.mark.parametrize("primitive", facts.ROWS, ids=lambda p: p.name)
def test_a_row_says_what_a_primitive_of_its_kind_must(primitive):
    row = facts.ROWS[primitive]
    ways = said(row) - {"kernel"}
    if ways == {"places", "definition"}:
        ways = {"places"}  # of what is known; what arrays say is composed
    if primitive is elementwise.power:
        ways -= {"definition"}  # of whole numbers alone
    assert len(ways) <= 1, f"{primitive.name} becomes native code in more than one way: {ways}"
    assert ways or row.pairs or row.kernel, (
        f"{primitive.name}: its row says neither how it becomes native code, nor why it does not"
    )
    assert not row.kernel or len(row.kernel.split()) > 3, f"{primitive.name}: {row.kernel!r} is no reason"
    if isinstance(primitive, Elementwise):
        assert ways <= {"instructions", "definition"}, f"{primitive.name} works on elements, and has {ways}"
        assert ways or row.kernel.startswith("SciPy"), f"{primitive.name}: elements have instructions, or a definition"
    if isinstance(primitive, Reduction):
        assert ways <= {"accumulator", "definition"}, f"{primitive.name} reduces, and has {ways}"
    if row.instructions is not None:
        assert row.instructions.weight >= (row.algebra is None), f"{primitive.name}: how many instructions is it?"
    if row.definition is not None:
        assert bool(row.definition.formula) == bool(row.definition.because), f"{primitive.name}: why no recording?"


def test_the_list_of_primitives_says_what_the_rows_say():
    assert primitives_page.PAGE.read_text(encoding="utf-8") == primitives_page.page(), "python -m scripts.primitives"


def test_those_that_run_as_numpy_kernels_are_few():
    kernels = [p.name for p, row in facts.ROWS.items() if said(row) == {"kernel"} and p not in SPECIAL]
    assert sorted(kernels) == [
        "all_reduce", "bessel_i", "broadcast", "cholesky_cotangent", "completed_eigh", "eig", "eigvals",
        "expm", "fft", "find", "holomorphic", "irfft", "logm", "loop", "lstm_cell", "lstsq", "lu_factor",
        "normal_vector", "owned", "pick", "pinv", "probability", "qr", "random", "ranked", "rfft", "roots",
        "roots_apart", "settled", "solve_banded", "solve_sylvester", "sort", "sqrtm", "svd", "told", "unmixed",
        "unstack", "values", "values_apart", "vectors", "vectors_apart", "waves",
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64], ids=lambda d: d.__name__)
@pytest.mark.parametrize("primitive", RECORDINGS, ids=lambda p: p.name)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_kernel_that_is_recorded_is_written_out_in_what_has_loops(primitive, dtype):
    x = np.ones((3, 4), dtype)
    params = {"axis": (1,), "keepdims": False} if isinstance(primitive, Reduction) or not primitive.arity else {}
    params |= {"correction": 1} if primitive.name in ("var", "std") else {}
    numbers = [2] if primitive is special.sinc_derivative else []  # the order is no array
    arrays = [x] * ((primitive.arity or 1) - len(numbers))
    record = stages(lambda *xs: primitive(*xs, *numbers, **params), *arrays)["record"]
    assert primitive in {equation.primitive for equation in record.equations}
    written = expand(record)
    assert primitive not in {equation.primitive for equation in written.equations}
    left = [e for e in written.equations if not is_elementwise(e) and not said(facts.row_of(e.primitive)) - {"kernel"}]
    assert not left
    if dtype in (np.float32, np.float64):
        compiled = pb.compile(lambda *xs: primitive(*xs, *numbers, **params) * 1)
        compiled.prepare(*arrays)
        eager = primitive(*arrays, *numbers, **params)
        np.testing.assert_allclose(compiled(*arrays).numpy(), eager.numpy(), rtol=1e-5, equal_nan=True)
        assert "loops   " in compiled.explain()
        assert "NumPy  " not in compiled.explain()


def test_explain_gives_the_reason_of_the_row():
    generator = np.random.default_rng(0)
    compiled = pb.compile(lambda x: pb.random.normal(3, rng=generator) + x[np.array([True, False, True])].sum())
    for _ in range(3):
        compiled(np.ones(3))
    assert "NumPy   random: NumPy's generator draws the numbers" in compiled.explain()


def test_explain_says_which_dtype_has_no_loops_and_what_is_not_known():
    mine = pb.Elementwise("relu", lambda x: np.maximum(x, 1), 1)
    compiled = pb.compile(lambda x: mine(pb.exp(x)))
    for _ in range(3):
        compiled(np.ones(3, np.longdouble))
    assert f"NumPy   exp: it has no loops for {np.dtype(np.longdouble)}" in compiled.explain()
    assert "NumPy   relu: the compiler does not know it" in compiled.explain()


# A primitive is known by itself: what bears the name of another is what it is.


def both(f, *args):
    """What a function gives, interpreted and from the third call on as a program."""
    compiled = pb.compile(f)
    for _ in range(2):
        compiled(*args)
    return [[y.numpy() for y in g(*args)] for g in (f, compiled)]


def test_elementwise_primitives_that_bear_known_names():
    x = np.linspace(-2, 2, 7)
    unary = [pb.Elementwise(p.name, lambda x: np.floor(x * 3) + 0.25, 0) for p in facts.ROWS]
    binary = [pb.Elementwise(p.name, lambda a, b: a - 2 * b, 1, -2) for p in facts.ROWS]
    eager, compiled = both(
        lambda x: [*(mine(x) * 1.0 for mine in unary), *(mine(x, x + 1) * 1.0 for mine in binary)], x
    )
    for name, a, b in zip([p.name for p in facts.ROWS] * 2, eager, compiled, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    np.testing.assert_array_equal(compiled[0], np.floor(x * 3) + 0.25)


@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_that_bear_known_names(keepdims):
    def alternating(x, axis, keepdims):
        signs = np.where(np.arange(x.shape[1]) % 2, -1, 1)
        return (x * signs).sum(axis=axis, keepdims=keepdims)

    own = [pb.Reduction(p.name, alternating, lambda x: np.ones_like(x)) for p in facts.ROWS]
    x = np.arange(12.0).reshape(3, 4)
    eager, compiled = both(lambda x: [mine(x, axis=(1,), keepdims=keepdims) * 1.0 for mine in own], x)
    for primitive, a, b in zip(facts.ROWS, eager, compiled, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=primitive.name)


def test_linear_and_bilinear_maps_that_bear_known_names():
    linear = [pb.LinearMap(p.name, lambda x: x[::-1].T * 2, lambda ct, x: 2 * ct.T[::-1]) for p in facts.ROWS]
    bilinear = [
        pb.BilinearMap(p.name, lambda a, b: a * b.T, lambda ct, b, own: ct * b.T, lambda ct, a, own: (ct * a).T)
        for p in facts.ROWS
    ]
    x = np.arange(9.0).reshape(3, 3)

    def f(x):
        return [*(mine(x + 1) for mine in linear), *(mine(x, x + 1) for mine in bilinear)]

    eager, compiled = both(f, x)
    for name, a, b in zip([p.name for p in facts.ROWS] * 2, eager, compiled, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)


def test_gradients_of_rules_that_bear_known_names():
    @pb.custom_vjp
    def sigmoid(x):
        return np.clip(x / 6 + 0.5, 0, 1)

    sigmoid.defvjp(lambda x: (sigmoid(x), None), lambda _, ct: (ct / 6,))

    @pb.custom_jvp
    def relu(x):
        return x * 3.0

    relu.defjvp(lambda primals, tangents: (relu(*primals), 7.0 * tangents[0]))
    x = np.array([-1.0, 0.2, 3.0])
    eager, compiled = both(lambda x: [pb.grad(lambda x: (relu(x) * sigmoid(x)).sum())(x), relu(x), sigmoid(x)], x)
    for a, b in zip(eager, compiled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    np.testing.assert_array_equal(compiled[1], 3 * x)
    np.testing.assert_array_equal(compiled[2], np.clip(x / 6 + 0.5, 0, 1))


def test_checking_knows_rounding_by_the_primitive(monkeypatch):
    monkeypatch.setenv("PULLBACK_CHECK", "1")
    mine = pb.Elementwise("sum", lambda x: x * 0.1, 0.1)
    compiled = pb.compile(lambda x: mine(x) + 1)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(np.ones(3)).numpy(), np.full(3, 1.1))
