"""The rows: what the compiler knows of each primitive, in the order of `ops/`. Keyed by the primitive, never its name.

Elementwise ones have instructions, reductions accumulators, movement places, others a definition or why they have none.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

import numpy as np

from pullback.compiler.facts import (
    algebra,
    answers,
    complex_numbers,
    definitions,
    indexed,
    instructions,
    places,
    special_functions,
)
from pullback.compiler.facts import convolutions as windowed
from pullback.compiler.facts import matrices as small
from pullback.compiler.facts.row import RECORDED, Accumulator, Definition, Instructions, Row, Write
from pullback.compiler.instructions.mathematics import (
    exponentials,
    hyperbolic,
    inverse_trigonometric,
    logarithms,
    powers,
    special,
    trigonometric,
)
from pullback.core.kinds import Elementwise, strong_multiply
from pullback.core.outputs import pick_
from pullback.core.primitive import Primitive
from pullback.functions.random import draw_, probability_
from pullback.ops import (
    complex_parts,
    contractions,
    convolutions,
    cross_entropy,
    cumulative,
    discrete,
    elementwise,
    fourier,
    indexing,
    labels,
    movement,
    ordering,
    parts,
    products,
    recurrent,
    reductions,
    rows,
    windows,
)
from pullback.ops import special as special_ops
from pullback.ops.linalg import (
    bands,
    cholesky,
    eigenvalues,
    equal_values,
    factorizations,
    matrix_functions,
    roots,
    spectra,
    systems,
)
from pullback.ops.special_functions import bessel, errors_and_normal, gamma, hypergeometric, normal_vectors
from pullback.parallel.collectives import all_reduce_, broadcast_, owned_
from pullback.programs.loop import loop_
from pullback.transforms.holomorphic import holomorphic_

ONE_FUNCTION: Final = "its kernel is one function of NumPy's"
COMPLAINS: Final = "it complains of numbers that do not fit, which loops cannot"
IN_RANGE: Final = "NumPy complains of an index that is out of range while it reads or writes; loops ask before"

SPECIAL: Final = tuple(
    op for module in (bessel, errors_and_normal, gamma, hypergeometric, normal_vectors) for op in vars(module).values()
    if isinstance(op, Elementwise) and op not in (elementwise.erf, elementwise.sigmoid)
)  # fmt: skip


def _of_elements(write: Write, weight: int = 1, kinds: str = "fiu", **facts: Any) -> Row:
    return Row(Instructions(write, kinds=kinds, weight=weight), **facts)


def _function(write: Write, weight: int = 40, **facts: Any) -> Row:
    """An elementary function of our own, whose last place may be another than NumPy's."""
    return _of_elements(write, weight, "f", rounds=True, **facts)


def _comparison(of_floats: str, of_integers: str, *, signed: bool = True) -> Row:
    kinds = "fiu" if signed else "fiub"
    return Row(Instructions(instructions.compare(of_floats, of_integers), "operands", kinds, signed=signed))


def _question(write: Write) -> Row:
    return Row(Instructions(write, "operands", "fiub"))


def _logic(write: Write) -> Row:
    return Row(Instructions(write, "truth", "fiub"))


def _bits(write: Write) -> Row:
    return _of_elements(write, kinds="iub")


def _lowest(dtype: np.dtype[Any]) -> Any:
    return -math.inf if dtype.kind == "f" else False if dtype.kind == "b" else np.iinfo(dtype).min


def _highest(dtype: np.dtype[Any]) -> Any:
    return math.inf if dtype.kind == "f" else True if dtype.kind == "b" else np.iinfo(dtype).max


_AND: Final = instructions.operation("", "and")
_OR: Final = instructions.operation("", "or")
_UNCHANGED: Final = _of_elements(instructions.same, 0, "fiubc", algebra=algebra.unchanged)

_CONVOLUTION: Final = (
    "it gathers windows and hands them to BLAS, a block of images at a time, which is the quickest on NumPy"
)

ROWS: Final[dict[Primitive, Row]] = {
    # Arithmetic.
    elementwise.add: _of_elements(instructions.either, kinds="fiub", algebra=algebra.add),
    elementwise.subtract: _of_elements(instructions.operation("fsub", "sub"), algebra=algebra.subtract),
    elementwise.gap: _of_elements(instructions.gap, 3, "f"),
    elementwise.multiply: _of_elements(instructions.both, kinds="fiub", algebra=algebra.multiply),
    elementwise.divide: _of_elements(instructions.operation("fdiv", ""), 4, "f", algebra=algebra.divide),
    elementwise.floor_divide: Row(
        Instructions(instructions.floor_divide, weight=40, unsigned=instructions.natural_quotient)
    ),
    elementwise.mod: Row(Instructions(instructions.mod, weight=30, unsigned=instructions.natural_rest)),
    elementwise.negative: _of_elements(instructions.negative, algebra=algebra.negative),
    elementwise.positive: _UNCHANGED,
    elementwise.power: _function(
        powers.power, algebra=algebra.power, definition=Definition(definitions.whole_power, "of whole numbers")
    ),
    elementwise.reciprocal: Row(definition=Definition(lambda x: 1 / x, ONE_FUNCTION)),
    elementwise.square: Row(definition=Definition(lambda x: x * x, ONE_FUNCTION)),
    elementwise.identity: _UNCHANGED,
    elementwise.stop_gradient: _UNCHANGED,
    strong_multiply: _of_elements(instructions.strong_multiply, 3, "f", algebra=algebra.strong, rounds=True),
    # Exponentials, logarithms, roots.
    elementwise.exp: _function(exponentials.exp, 12),
    elementwise.exp2: _function(exponentials.exp2, 10),
    elementwise.expm1: _function(exponentials.expm1, 20),
    elementwise.log: _function(logarithms.log, 16),
    elementwise.log1p: _function(logarithms.log1p),
    elementwise.log2: _function(logarithms.log2),
    elementwise.log10: _function(logarithms.log10),
    elementwise.sqrt: _of_elements(instructions.intrinsic("sqrt"), 6, "f"),
    elementwise.cbrt: _function(powers.cbrt, 20),
    elementwise.logaddexp: _function(special.logaddexp),
    elementwise.hypot: _function(powers.hypot),
    # Trigonometric and hyperbolic functions and their inverses.
    elementwise.sin: _function(trigonometric.sin, 25),
    elementwise.cos: _function(trigonometric.cos, 25),
    elementwise.tan: _function(trigonometric.tan),
    elementwise.arcsin: _function(inverse_trigonometric.arcsin),
    elementwise.arccos: _function(inverse_trigonometric.arccos),
    elementwise.arctan: _function(inverse_trigonometric.arctan),
    elementwise.arctan2: _function(inverse_trigonometric.arctan2),
    special_ops.sinc: Row(definition=RECORDED, rounds=True),
    special_ops.sinc_derivative: Row(definition=RECORDED, rounds=True),
    special_ops.bessel_i_: Row(kernel="SciPy computes it, by series and recurrences"),
    elementwise.sinh: _function(hyperbolic.sinh),
    elementwise.cosh: _function(hyperbolic.cosh),
    elementwise.tanh: _function(hyperbolic.tanh),
    elementwise.arcsinh: _function(hyperbolic.arcsinh),
    elementwise.arccosh: _function(hyperbolic.arccosh),
    elementwise.arctanh: _function(hyperbolic.arctanh),
    # Pieces.
    elementwise.absolute: Row(Instructions(instructions.absolute, kinds="fiub", unsigned=instructions.same)),
    elementwise.sign_: Row(Instructions(instructions.sign, weight=2, unsigned=instructions.natural_sign)),
    elementwise.floor: _of_elements(instructions.whole("floor"), kinds="fiub"),
    elementwise.ceil: _of_elements(instructions.whole("ceil"), kinds="fiub"),
    elementwise.trunc: _of_elements(instructions.whole("trunc"), kinds="fiub"),
    elementwise.rint: _of_elements(instructions.intrinsic("roundeven"), kinds="f"),
    elementwise.maximum: Row(Instructions(instructions.maximum, kinds="fiub", weight=2, signed=True)),
    elementwise.minimum: Row(Instructions(instructions.minimum, kinds="fiub", weight=2, signed=True)),
    elementwise.clip_: Row(Instructions(instructions.clip, weight=4, signed=True)),
    elementwise.select: Row(Instructions(instructions.where, "choice", "fiub")),
    # Activations and losses.
    elementwise.relu: _of_elements(instructions.relu, kinds="fi"),
    elementwise.leaky_relu_: Row(definition=RECORDED),
    elementwise.sigmoid: _function(special.sigmoid, 20),
    elementwise.softplus: _function(special.softplus),
    elementwise.softsign: Row(definition=RECORDED),
    elementwise.erf: _function(special.erf),
    elementwise.binary_cross_entropy: Row(definition=RECORDED, rounds=True),
    elementwise.logits_cross_entropy: Row(definition=RECORDED, rounds=True),
    # Comparisons and logic.
    elementwise.equal: _comparison("oeq", "eq", signed=False),
    elementwise.not_equal: _comparison("une", "ne", signed=False),
    elementwise.less: _comparison("olt", "slt"),
    elementwise.less_equal: _comparison("ole", "sle"),
    elementwise.greater: _comparison("ogt", "sgt"),
    elementwise.greater_equal: _comparison("oge", "sge"),
    elementwise.logical_and: _logic(_AND),
    elementwise.logical_or: _logic(_OR),
    elementwise.logical_xor: _logic(instructions.operation("", "xor")),
    elementwise.logical_not: _logic(instructions.inverted),
    elementwise.bitwise_and: _bits(_AND),
    elementwise.bitwise_or: _bits(_OR),
    elementwise.bitwise_xor: _bits(instructions.operation("", "xor")),
    elementwise.invert: _bits(instructions.inverted),
    elementwise.left_shift: Row(Instructions(instructions.left_shift, kinds="iu", weight=3)),
    elementwise.right_shift: Row(
        Instructions(instructions.right_shift, kinds="iu", weight=3, unsigned=instructions.natural_right_shift)
    ),
    elementwise.isnan: _question(instructions.is_nan),
    elementwise.isinf: _question(instructions.is_infinite),
    elementwise.isfinite: _question(instructions.is_finite),
    # Reductions.
    reductions.sum_: Row(accumulator=Accumulator(lambda _: 0, instructions.either, "or"), rounds=True),
    reductions.prod_: Row(accumulator=Accumulator(lambda _: 1, instructions.both, "and"), rounds=True),
    reductions.max_: Row(
        accumulator=Accumulator(_lowest, instructions.maximum, "or", unsigned=instructions.unsigned("ugt"))
    ),
    reductions.min_: Row(
        accumulator=Accumulator(_highest, instructions.minimum, "and", unsigned=instructions.unsigned("ult"))
    ),
    reductions.any_: Row(accumulator=Accumulator(lambda _: False, _OR, "or")),
    reductions.all_: Row(accumulator=Accumulator(lambda _: True, _AND, "and")),
    reductions.mean_: Row(definition=RECORDED, rounds=True),
    reductions.var_: Row(definition=RECORDED, rounds=True),
    reductions.std_: Row(definition=RECORDED, rounds=True),
    reductions.logsumexp_: Row(definition=RECORDED, rounds=True),
    reductions.norm_: Row(definition=RECORDED, rounds=True),
    cross_entropy.cross_entropy_: Row(
        definition=Definition(
            definitions.cross_entropy,
            "it picks the losses by index and writes over what it no longer needs, which is the quickest on NumPy",
        ),
        rounds=True,
    ),
    ordering.ascending_: Row(definition=Definition(lambda t, x, **_: (t * 1, (np.diff(x) > 0).all()), COMPLAINS)),
    labels.within_: Row(definition=Definition(definitions.within, COMPLAINS)),
    labels.known_labels_: Row(definition=Definition(definitions.known_labels, COMPLAINS)),
    labels.written_labels_: Row(definition=Definition(definitions.written_labels, COMPLAINS)),
    complex_parts.real_: Row(Instructions(instructions.part(0), "operands", "c")),
    complex_parts.imag_: Row(Instructions(instructions.part(1), "operands", "c")),
    complex_parts.conj_: Row(),  # of pairs, see below
    complex_numbers.complex_: Row(Instructions(instructions.join, "operands", "f")),
    reductions.cumsum_: Row(running=Accumulator(lambda _: 0, instructions.either, "or")),
    cumulative.cumprod_: Row(running=Accumulator(lambda _: 1, instructions.both, "and")),
    reductions.argmax_: Row(definition=Definition(definitions.argmax, ONE_FUNCTION), alone=True),
    reductions.argmin_: Row(definition=Definition(definitions.argmin, ONE_FUNCTION), alone=True),
    # Movement.
    movement.reshape_: Row(places=places.reshape, algebra=algebra.reshape),
    movement.permute_: Row(places=places.transpose, algebra=algebra.transpose),
    movement.broadcast_to_: Row(places=places.broadcast, algebra=algebra.unchanged),
    movement.flip_: Row(places=places.flip),
    movement.cast_: _UNCHANGED,
    movement.copy_: replace(_UNCHANGED, alone=True),
    movement.concatenate_: Row(parts=places.joined, alone=True),
    movement.stack_: Row(parts=places.stacked, alone=True),
    movement.roll_: Row(definition=Definition(definitions.roll, ONE_FUNCTION), alone=True),
    movement.pad_: Row(places=places.pad),
    movement.tril_: Row(places=places.tril),
    movement.triu_: Row(places=places.triu),
    discrete.find_: Row(kernel="how much it finds depends on numbers"),
    pick_: Row(algebra=algebra.pick, kernel="it takes one of several outputs, and computes nothing"),
    **answers.ROWS,
    # Indexing.
    indexing.get_: Row(
        places=places.getitem,  # of slices and numbers that are known
        definition=Definition(indexed.getitem, IN_RANGE, exact=True),
        algebra=algebra.getitem,
        kernel="how much a mask selects is not known before",
    ),
    indexing.put_: Row(definition=Definition(indexed.put, IN_RANGE, exact=True), algebra=algebra.put),
    indexing.add_into_: Row(places=places.add_into, definition=Definition(indexed.add_into, IN_RANGE, exact=True)),
    indexed.gather_: Row(indexed="reads"),
    indexed.scatter_: Row(indexed="writes"),
    rows.rows_: Row(definition=Definition(indexed.rows, IN_RANGE)),
    rows.add_rows_: Row(definition=Definition(indexed.add_rows, IN_RANGE), rounds=True),
    parts.unstack_: Row(kernel="it has several outputs"),
    recurrent.lstm_cell_: Row(kernel="while a function is recorded, a step of an LSTM is done operation by operation"),
    # Windows.
    windows.windows_: Row(places=places.windows),
    windows.add_windows_: Row(definition=Definition(indexed.add_windows, ONE_FUNCTION), rounds=True),
    # Contractions.
    products.matmul_: Row(contraction="matrices", algebra=algebra.matmul, rounds=True),
    products.matvec_: Row(definition=Definition(definitions.matvec, "a vector is a matrix of one row"), rounds=True),
    contractions.einsum_: Row(definition=Definition(definitions.einsum, ONE_FUNCTION), rounds=True),
    convolutions.conv_: Row(definition=Definition(windowed.convolution, _CONVOLUTION), rounds=True),
    convolutions.conv_input_: Row(definition=Definition(windowed.convolution_input, _CONVOLUTION), rounds=True),
    convolutions.conv_weight_: Row(definition=Definition(windowed.convolution_weight, _CONVOLUTION), rounds=True),
    windowed.correlate_: Row(contraction="windows", rounds=True),
    windowed.correlate_weight_: Row(contraction="weights", rounds=True),
    cholesky.cholesky_cotangent_: Row(kernel="BLAS computes it, a half of a half at a time"),
    **dict.fromkeys((ordering.sort_, ordering.ranked_), Row(kernel="NumPy sorts, and parts, with vectors")),
    # Linear algebra: one call each, inside the program; small matrices in registers.
    **small.ROWS,
    **dict.fromkeys(
        (
            systems.pinv_,
            systems.lstsq_,
            systems.sylvester_,
            bands.solve_banded_,
            factorizations.qr_,
            factorizations.lu_,
            eigenvalues.eig_,
            eigenvalues.eigvals_,
            roots.roots_,
            spectra.svd_,
            matrix_functions.expm_,
            matrix_functions.logm_,
            matrix_functions.sqrtm_,
        ),
        Row(kernel=small.LAPACK),
    ),
    **dict.fromkeys(
        (
            *(eigenvalues.asked_, spectra.asked_, spectra.settled_, roots.simple_),
            *(equal_values.told_, equal_values.unmixed_, equal_values.values_, equal_values.vectors_),
        ),
        Row(kernel=COMPLAINS),
    ),
    **dict.fromkeys(
        (fourier.fft_, fourier.rfft_, fourier.irfft_, fourier.waves_), Row(kernel="pocketfft computes it, in one call")
    ),
    # Special functions.
    **dict.fromkeys(SPECIAL, Row(kernel="SciPy computes it, by series and recurrences")),
    **special_functions.ROWS,
    normal_vectors.normal_vector_: Row(kernel="it is an integral, whose nodes lie where it turns"),
    holomorphic_: Row(kernel=COMPLAINS),
    # Loops: their bodies are programs of their own, and run natively if all in them does.
    loop_: Row(kernel="something in its body has no native code"),
    # Random numbers.
    draw_: Row(kernel="NumPy's generator draws the numbers"),
    probability_: Row(kernel="it asks of all numbers whether they are possible"),
    # Other processes.
    **dict.fromkeys((all_reduce_, broadcast_, owned_), Row(kernel="MPI exchanges the numbers")),
}

ROWS.update({primitive: replace(ROWS[primitive], pairs=pairs) for primitive, pairs in complex_numbers.PAIRS.items()})
