"""What the package shows, and its parts that are loaded when they are first asked for, which keeps its import quick."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import Any, Final

from pullback.core.errors import message
from pullback.core.habits import public_names, unknown_name
from pullback.core.views import LOADERS
from pullback.tensors.tables import SERVERS

PARTS: Final = (  # that are public
    "data", "fft", "integrate", "interop", "interpolate", "linalg", "metrics", "nn", "optim", "optimize", "parallel",
    "random", "special", "stats", "testing", "training", "visualize",
)  # fmt: skip
_SEARCHED: Final = (  # for names that stand elsewhere
    "nn", "optim", "data", "metrics", "random", "testing", "linalg", "special", "optimize", "integrate", "interpolate",
    "stats", "fft",
)  # fmt: skip
APART: Final = ("compiler", "estimators", "profiling")  # not listed: two have other names, one needs scikit-learn
# Functions of arrays by the module that has them; NumPy's of the same names are answered when they are first asked for.
FUNCTIONS: Final = {
    "functions.applying": "apply_along_axis apply_over_axes vectorize",
    "functions.arranging": """
        array_split atleast_1d atleast_3d diagflat dsplit fliplr flipud hsplit meshgrid rollaxis rot90 vsplit
    """,
    "functions.differences": "diff ediff1d gradient trapezoid unwrap",
    "functions.dtypes": "__array_namespace_info__ can_cast finfo iinfo isdtype result_type",
    "functions.floats": """
        copysign deg2rad degrees divmod fabs fix float_power fmax fmin fmod frexp heaviside i0 isclose isneginf isposinf
        ldexp logaddexp2 modf nextafter rad2deg radians signbit spacing
    """,
    "functions.grids": "broadcast_shapes geomspace indices logspace ravel_multi_index tri unravel_index",
    "functions.joining": "append block c_ column_stack delete dstack hstack insert r_ resize vstack",
    "functions.nan": "nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmin nanprod nanstd nansum nanvar",
    "functions.padding": "pad",
    "functions.placing": "copyto fill_diagonal place put put_along_axis putmask",
    "functions.polynomials": "poly polyadd polyder polydiv polyfit polyint polymul polysub polyval roots vander",
    "functions.products": "convolve correlate cross einsum_path inner kron matvec vecdot vecmat",
    "functions.quantiles": "median nanmedian nanpercentile nanquantile percentile quantile",
    "functions.segments": """
        index_add scatter_add scatter_max scatter_mean scatter_min segment_max segment_mean segment_min segment_sum
    """,
    "functions.selecting": "argwhere extract flatnonzero nan_to_num piecewise select trim_zeros",
    "functions.sets": """
        intersect1d isin setdiff1d setxor1d union1d unique unique_all unique_counts unique_inverse unique_values
    """,
    "functions.tapers": "bartlett blackman hamming hanning kaiser",
    "functions.histograms": "bincount digitize histogram histogram2d histogram_bin_edges histogramdd",
    "functions.statistics": "average corrcoef cov interp ptp",
}  # fmt: skip
# What else has a module of its own.
OTHERS: Final = {
    "core.anomaly": "detect_anomaly",
    "explaining": "Diagnosis explain",
    "functions.activations": "gelu log_softmax silu softmax",
    "functions.classification": "cross_entropy softmax_cross_entropy",
    "functions.gates": "glu mish",
    "functions.losses": "binary_cross_entropy binary_cross_entropy_with_logits l1_loss mse_loss",
    "functions.piecewise": "celu elu hardsigmoid hardswish hardtanh prelu relu6 selu",
    "functions.random": "seed",
    "ops.parts": "unstack",
    "ops.special": "sinc",
    "ops.windows": "fold sliding_window_view unfold",
    "profiling": "profile",
    "transforms.batching": "vmap",
    "transforms.checkpoint": "checkpoint",
    "transforms.custom": "custom_jvp custom_vjp",
    "transforms.higher_order": "hessian hvp jacobian",
    "transforms.loops": "cond fori_loop map scan switch while_loop",
    "transforms.sparse": "sparse_hessian sparse_jacobian",
    "transforms.taylor": "taylor",
    "compiler": "Compiled compile",
    "visualize": "Graph Player graph record_player",
}
NAMES: Final = {
    name: module for part in (FUNCTIONS, OTHERS) for module, names in part.items() for name in names.split()
}

LOADERS.append(partial(import_module, "pullback.visualize.notebook"))
SERVERS.extend(partial(import_module, f"pullback.{part}") for part in ("linalg", "special", "fft"))
SERVERS.extend(partial(import_module, f"pullback.{module}") for module in FUNCTIONS)


def __getattr__(name: str) -> Any:
    """Find a name of `pullback` that is not loaded yet: the package takes this function as its own."""
    if name == "__all__":
        return __dir__()
    part = name if name in (*PARTS, *APART) else NAMES.get(name)
    if part is None:
        raise _unknown(name)
    module = import_module(f"pullback.{'functions.random' if part == 'random' else part}")
    value = module if part == name else getattr(module, name)
    setattr(sys.modules["pullback"], name, value)
    return value


def __dir__() -> list[str]:
    """All public names, loaded or not."""
    return sorted({*public_names("pullback", PARTS), *(name for name in NAMES if name[0] != "_")})


def _unknown(name: str) -> AttributeError:
    """The error about a name: Pullback's way of doing it, the part that has it, or the nearest name."""
    said = "module 'pullback'"
    for part in _SEARCHED if name.isidentifier() and name[0] != "_" else ():
        if name in dir(getattr(sys.modules["pullback"], part)):
            return AttributeError(message(f"{said} has no attribute {name!r}", {"fix": f"pb.{part}.{name}"}), name=name)
    return unknown_name("pullback", said, name, __dir__)
