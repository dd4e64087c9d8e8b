"""Operations beside PyTorch's and JAX's: values and gradients of each row, and the derivative at each kink of the page.

What differs is in one of two tables: `EXPLAINED` here, or the columns of docs/kinks.md, which are compared with what
the libraries give.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from tests.ops.case import Case, Sample
from tests.ops.cases import CASES

import pullback as pb

KINKS: Final = Path(__file__).resolve().parents[2] / "docs" / "kinks.md"
TOLERANCE: Final = 1e-9

# By library and operation: "kink", "convention" or "bug", and what is meant.
EXPLAINED: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("PyTorch", "std"): ("convention", "theirs divides by n − 1 unless told otherwise; NumPy's by n"),
    ("PyTorch", "var"): ("convention", "theirs divides by n − 1 unless told otherwise; NumPy's by n"),
    ("JAX", "gelu"): (
        "convention",
        "theirs is the approximation by tanh unless told otherwise; ours the function itself",
    ),
    ("PyTorch", "hardsigmoid"): ("bug", "in float64 too their slope is 1/6 rounded to float32"),
}

# What PyTorch calls otherwise, or has at another place.
TORCH: Final[dict[str, Callable[[Any], Any]]] = {
    "cbrt": lambda t: lambda x: t.sign(x) * t.abs(x) ** (1 / 3),
    "mod": lambda t: t.remainder,
    "power": lambda t: t.pow,
    "concatenate": lambda t: t.cat,
    "rint": lambda t: t.round,
    "max": lambda t: t.amax,
    "min": lambda t: t.amin,
    "identity": lambda t: lambda x: x * 1,
    "clip": lambda t: t.clamp,
    "sigmoid": lambda t: t.sigmoid,
    "erf": lambda t: t.erf,
    "hardsigmoid": lambda t: t.nn.functional.hardsigmoid,
    "trace": lambda t: None,
    "pad": lambda t: None,
    "take": lambda t: None,
    "repeat": lambda t: None,
    "split": lambda t: None,
    "tile": lambda t: t.tile,
    "norm": lambda t: t.linalg.norm,
    "reshape": lambda t: t.reshape,
}
KEYWORDS: Final = {"axis": "dim", "keepdims": "keepdim", "shift": "shifts", "reps": "dims", "k": "diagonal"}


class Found(NamedTuple):
    """How far a library is from ours, relative to the largest number, in values and in gradients."""

    library: str
    name: str
    values: float
    gradients: float

    @property
    def fits(self) -> bool:
        return max(self.values, self.gradients) <= TOLERANCE


def distance(ours: list[Any], theirs: list[Any]) -> float:
    """The largest difference, relative to the largest number of its array."""
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape:
            return math.inf
        scale = max(float(np.nanmax(np.abs(b.astype(float)), initial=0.0)), 1.0)
        worst = max(worst, float(np.nanmax(np.abs(a.astype(float) - b.astype(float)), initial=0.0)) / scale)
    return worst


def ours_of(case: Case, sample: Sample, operands: list[Any]) -> tuple[list[Any], list[Any], list[Any]]:
    """Our values, the cotangents, and the gradients of what is floating-point."""
    given = [pb.tensor(x, requires_grad=x.dtype.kind == "f") for x in operands]
    results = [y for y in pb.core.tree.leaves(case.f(*given, **sample.params)) if y.dtype.kind == "f"]
    weights = [np.cos(np.arange(float(y.size))).reshape(y.shape) for y in results]
    sum((y * w).sum() for y, w in zip(results, weights, strict=True)).backward()
    return [y.numpy() for y in results], weights, [x.grad.numpy() for x in given if x.requires_grad]


def torch_of(case: Case, sample: Sample, operands: list[Any], weights: list[Any], torch: Any) -> Any:
    """PyTorch's values and gradients; None where it has no such function or takes it otherwise."""
    find = TORCH.get(case.name)
    spaces = (torch, torch.nn.functional, torch.special)
    f = find(torch) if find else next((getattr(s, case.name) for s in spaces if hasattr(s, case.name)), None)
    if f is None:
        return None
    params = {KEYWORDS.get(name, name): value for name, value in sample.params.items()}
    given = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in operands]
    try:
        found = case.written(f, *given, **params)
    except (TypeError, RuntimeError, IndexError, ValueError, AttributeError):
        return None
    results = [y for y in (found if isinstance(found, (tuple, list)) else [found]) if isinstance(y, torch.Tensor)]
    results = [y for y in results if y.is_floating_point()]
    if len(results) != len(weights) or any(tuple(y.shape) != w.shape for y, w in zip(results, weights, strict=True)):
        return None
    total = sum((y * torch.tensor(w)).sum() for y, w in zip(results, weights, strict=True))
    if total.requires_grad:
        try:
            total.backward()
        except RuntimeError:  # it has no derivative of this
            return None
    grads = [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in given if x.requires_grad]
    return [y.detach().numpy() for y in results], grads


def jax_of(case: Case, sample: Sample, operands: list[Any], weights: list[Any], jax: Any) -> Any:
    """JAX's values and gradients; None where it has no such function or takes it otherwise."""
    spaces = (jax.numpy, jax.nn, jax.scipy.special)
    names = (getattr(case.twin, "__name__", case.name), case.name)
    f = next((getattr(s, n) for n in names for s in spaces if hasattr(s, n)), None)
    if f is None:
        return None
    floats = [i for i, x in enumerate(operands) if x.dtype.kind == "f"]

    def function(*some: Any) -> Any:
        given = [jax.numpy.asarray(x) for x in operands]
        for i, x in zip(floats, some, strict=True):
            given[i] = x
        found = case.written(f, *given, **sample.params)
        return [y for y in (found if isinstance(found, (tuple, list)) else [found]) if y.dtype.kind == "f"]

    def both(some: Any, cotangents: Any) -> Any:
        results, back = jax.vjp(function, *some)
        return results, back(cotangents)

    some = [operands[i] for i in floats]
    try:
        results, grads = jax.jit(both)(some, weights)  # one thing to compile, and not each operation
    except (TypeError, ValueError, IndexError, AttributeError, NotImplementedError):
        return None
    return [np.asarray(y) for y in results], [np.asarray(g) for g in grads]


def compared(libraries: dict[str, Any], part: int, parts: int) -> Iterator[Found]:
    """Each row beside each library that has it; of all rows each `parts`-th from `part` on."""
    for case in CASES[part::parts]:
        if not case.differentiable or "numbers" in case.skips:
            continue
        for sample in case.samples:
            operands = case.draw(sample)
            try:
                values, weights, gradients = ours_of(case, sample, operands)
            except AttributeError:  # nothing that has a gradient
                continue
            for library, module in libraries.items():
                if library == "JAX" and sample is not case.samples[0]:
                    continue  # it takes a second for each that is new
                theirs = (torch_of if library == "PyTorch" else jax_of)(case, sample, operands, weights, module)
                if theirs is not None:
                    yield Found(library, case.name, distance(values, theirs[0]), distance(gradients, theirs[1]))


# The kinks: each cell of the page beside what the library gives.


class _Torch(dict[str, Any]):
    """PyTorch's functions by the names of the page."""

    def __init__(self, torch: Any) -> None:
        t, f = torch, torch.nn.functional
        super().__init__({
            "max": t.max, "min": t.min, "clip": t.clamp,
            "norm": lambda x, p=2: t.linalg.norm(x, p), "std": lambda x: t.std(x, correction=0),
            "sort": lambda x: t.sort(x).values, "unique": None, "segment_max": None,
            "median": lambda x: t.quantile(x, 0.5),
            "cumprod": lambda x: t.cumprod(x, 0), "softmax": lambda x: t.softmax(x, -1), "mod": t.remainder,
            "logsumexp": lambda x: t.logsumexp(x, -1), "rint": t.round, "sign": t.sign,
            "copysign": lambda x, y: t.copysign(x, t.tensor(y, dtype=x.dtype)),
            "gelu": lambda x, approximate=False: f.gelu(x, approximate="tanh" if approximate else "none"),
            "cross_entropy": lambda x, y: f.cross_entropy(x, t.tensor(y)), "take": lambda x, i: x[i],
            "maximum": lambda a, b: t.maximum(a, t.as_tensor(b, dtype=a.dtype)), "floor_divide": None, "nanmax": None,
            "heaviside": None, "cbrt": None,
            "where": lambda c, a, b: t.where(c, a, t.as_tensor(b, dtype=t.float64)),
            "prelu": lambda x, y: f.prelu(x.reshape(1), y.reshape(1)).sum(),
        })  # fmt: skip
        self._spaces = (t, f)

    def __missing__(self, name: str) -> Any:
        return next(getattr(s, name) for s in self._spaces if hasattr(s, name))


class _Jax(dict[str, Any]):
    """JAX's functions by the names of the page."""

    def __init__(self, jax: Any) -> None:
        n = jax.numpy
        super().__init__({
            "norm": lambda x, p=2: n.linalg.norm(x, p), "sort": n.sort, "relu6": jax.nn.relu6,
            "hardtanh": jax.nn.hard_tanh, "hardsigmoid": jax.nn.hard_sigmoid, "hardswish": jax.nn.hard_swish,
            "cross_entropy": lambda x, y: -jax.nn.log_softmax(x)[y], "logsumexp": jax.nn.logsumexp,
            "segment_max": lambda x, i: jax.ops.segment_max(x, n.asarray(i), 1), "prelu": None,
            "gelu": lambda x, approximate=False: jax.nn.gelu(x, approximate=approximate),
            "unique": lambda x: n.unique(x, size=1),
        })  # fmt: skip
        self._spaces = (n, jax.nn)

    def __missing__(self, name: str) -> Any:
        return next(getattr(s, name) for s in self._spaces if hasattr(s, name))


ROW: Final = re.compile(r"^\| `([^`]*)` \| `([^`]*)` \| `[^`]*` \| (?:`([^`]*)`)? ?\| (?:`([^`]*)`)? ?\| ")


def _evaluated(text: str, names: Any) -> Any:
    words = set(re.findall(r"[a-z_]\w*", text)) - {"if", "else", "True", "False", "approximate", "inf", "nan"}
    return eval(
        text, {"__builtins__": {}, "inf": math.inf, "nan": math.nan}, {w: names[w] for w in words}
    )  # the page is ours


def kinks(libraries: dict[str, Any]) -> Iterator[tuple[str, str, str, Any, Any]]:
    """Library, function, point, what the page says of the library, and what the library gives."""
    for line in KINKS.read_text(encoding="utf-8").splitlines():
        if not (row := ROW.match(line)):
            continue
        names = re.findall(r"(\w+) =", row[2])
        point = [np.array(v, float) for v in _evaluated("[" + re.sub(r"\w+ = ", "", row[2]) + "]", {})]
        for library, cell in (("PyTorch", row[3]), ("JAX", row[4])):
            if library in libraries and cell is not None:
                said = [np.array(v, float) for v in _evaluated(f"[{cell}]", {})]
                found = _gradients(library, libraries[library], row[1], names, point)
                if found is not None:
                    yield library, row[1], row[2], said, found


def _gradients(library: str, module: Any, text: str, names: list[str], point: list[Any]) -> Any:
    if library == "PyTorch":
        given = [module.tensor(x, requires_grad=True) for x in point]
        scope = _Torch(module)
    else:
        scope, given = _Jax(module), None

    def f(*xs: Any) -> Any:
        inner = scope.copy()
        bound = type(scope)(module)
        bound.update(inner)
        bound.update(zip(names, xs, strict=True))
        return _evaluated(text, bound)

    try:
        if given is not None:
            f(*given).sum().backward()
            return [np.zeros(x.shape) if x.grad is None else x.grad.numpy() for x in given]
        return [np.asarray(g) for g in module.grad(f, argnums=tuple(range(len(point))))(*point)]
    except (TypeError, StopIteration, RuntimeError, ValueError, AttributeError, IndexError):
        return None


def main() -> int:
    """Print what differs, and whether it is explained; the status says whether all is."""
    parser = argparse.ArgumentParser(prog="crosscheck", description=__doc__.partition("\n")[0])
    parser.add_argument("libraries", nargs="*", help="PyTorch, JAX (both)")
    parser.add_argument("--part", default="0/1", help="each n-th operation from the i-th on, and of 0 the kinks: i/n")
    chosen = parser.parse_args()
    part, parts = map(int, chosen.part.split("/"))
    # JAX compiles for seconds what runs once; it need not run fast.
    os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    libraries: dict[str, Any] = {}
    for library, name in (("PyTorch", "torch"), ("JAX", "jax")):
        if chosen.libraries and library not in chosen.libraries:
            continue
        try:
            libraries[library] = __import__(name)
        except ImportError:
            print(f"crosscheck: {library} is not installed: nothing to compare with")
    if "JAX" in libraries:
        libraries["JAX"].config.update("jax_enable_x64", True)  # noqa: FBT003  # JAX's own way
    bad = 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = list(compared(libraries, part, parts))
        pairs = list(kinks(libraries)) if part == 0 else []
    for library in libraries:
        own = [f for f in found if f.library == library]
        names = {f.name for f in own}
        off = sorted({f.name for f in own if not f.fits})
        unexplained = [name for name in off if (library, name) not in EXPLAINED]
        bad += len(unexplained)
        print(f"{library}: {len(own)} calls of {len(names)} operations, {len(off)} operations differ, "
              f"{len(unexplained)} unexplained")  # fmt: skip
        for name in off:
            worst = max((f for f in own if f.name == name), key=lambda f: max(f.values, f.gradients))
            kind, why = EXPLAINED.get((library, name), ("unexplained", ""))
            print(f"  {name:20} values {worst.values:.1e}  gradients {worst.gradients:.1e}  {kind}: {why}")
        rows = [p for p in pairs if p[0] == library]
        wrong = [p for p in rows if not all(np.allclose(a, b, equal_nan=True) for a, b in zip(p[3], p[4], strict=True))]
        bad += len(wrong)
        print(f"{library}: {len(rows)} kinks of the page, {len(wrong)} not as the page says")
        for _, text, at, said, got in wrong:
            print(f"  {text} at {at}: the page says {said}, it gives {got}")
    return min(bad, 1)


if __name__ == "__main__":
    raise SystemExit(main())
