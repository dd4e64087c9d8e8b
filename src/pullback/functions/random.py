"""Random tensors, on NumPy's Generators: `rng=` takes None (the default generator), an int, or a Generator."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final, TypeAlias, overload

import numpy as np

from pullback.batching.rules import aligned, as_it_is, shape_of_one
from pullback.core.anomaly import ranges
from pullback.core.axes import several
from pullback.core.errors import GraphError, OptionError, TraceError, UnbatchedError
from pullback.core.habits import explain_keywords, namespace
from pullback.core.modes import current_mode
from pullback.core.numbers import checked_number
from pullback.core.opaque import Opaque
from pullback.core.origin import user_line
from pullback.tensors import Tensor

Rng: TypeAlias = "int | np.random.Generator | None"
Shape = int | Sequence[int] | None

# Made when it is first needed: NumPy loads its random numbers late too.
_default: Final[list[np.random.Generator]] = []
_forks: Final = [0]  # of this process


def seed(n: int) -> None:
    """Seed the default generator: what follows is the same each time, on one version of NumPy.

    Workers draw numbers of their own, the same each time too: one that is forked goes on from a seed made of the
    state here and of how many were forked before it; one that is spawned, and so runs this line again as it reads
    the main module, from a seed made of `n` and of its name.

    Raises TraceError within a compiled function, whose program would not do it.

    >>> seed(0)
    >>> uniform().item() == (seed(0), uniform().item())[1]
    True
    """
    if current_mode().trace is not None:
        raise TraceError(
            "seed: a program draws numbers, and does not seed", line=user_line(),
            fix="seed outside, or draw from a seed: pb.random.normal(rng=0)",
        )  # fmt: skip
    seeded = np.random.default_rng(_worker_seed(n))
    if _default:
        _default[0].bit_generator.state = seeded.bit_generator.state  # the same generator: programs hold on to it
    else:
        _default.append(seeded)


def _worker_seed(n: Any) -> Any:
    """The seed itself, or in a spawned worker that still reads the main module again, one of its own."""
    module = sys.modules.get("multiprocessing.process")
    process = None if module is None else module.current_process()
    if process is None or not getattr(process, "_inheriting", False) or isinstance(n, np.random.SeedSequence):
        return n
    return np.random.SeedSequence(n, spawn_key=tuple(process.name.encode()))


def _before_fork() -> None:
    """Let no other thread be drawing: what it holds would be held in the child for ever."""
    _forks[0] += 1
    for generator in _default:
        generator.bit_generator.lock.acquire()


def _after_fork() -> None:
    for generator in _default:
        generator.bit_generator.lock.release()


def _in_child() -> None:
    """Go on with numbers that neither the parent nor another child draws."""
    _after_fork()
    for generator in _default:
        state = generator.bit_generator.state["state"]
        seed = np.random.SeedSequence([state["state"], state["inc"]], spawn_key=(_forks[0],))
        generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)


@overload
def default_generator() -> np.random.Generator: ...
@overload
def default_generator(*, make: bool) -> np.random.Generator | None: ...
def default_generator(*, make: bool = True) -> np.random.Generator | None:
    """The generator that `rng=None` means; with `make=False`, None while nothing was seeded or drawn."""
    if not _default and make:
        _default.append(np.random.default_rng())
    return _default[0] if _default else None


def generator(rng: Rng = None) -> np.random.Generator:
    """The generator that `rng` means.

    >>> generator(0).integers(10)
    np.int64(8)
    """
    if rng is None:
        return default_generator()
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool):
        return np.random.default_rng(int(rng))
    raise OptionError("rng: not a source of randomness", got=repr(rng), fix="None, an int or a np.random.Generator")


def _draw(*arrays: Any, rng: Rng, method: str, args: tuple[Any, ...], dtype: Any, **size: Any) -> Any:
    if any(np.isnan(x).any() for x in arrays or args if np.asarray(x).dtype.kind == "f"):
        raise OptionError(f"random.{method}: a parameter is NaN", parameters=arrays or args, **size)
    try:
        drawn = getattr(generator(rng), method)(*(arrays or args), **size)
    except ValueError as error:
        raise OptionError(f"random.{method}: {error}", parameters=args, **size) from None
    return np.asarray(drawn, dtype)


def _draw_for_all(primitive: Any, level: Any, operands: Any, batched: Any, params: dict[str, Any]) -> Any:
    """Draws within `vmap`: refused, unless the caller said that each example gets numbers of its own."""
    if level.randomness != "different":
        said = any(batched) and level.randomness == "same"
        raise UnbatchedError(
            f"random.{params['method']}: inside vmap, are the numbers the same for all examples?",
            got="parameters that differ from example to example" if said else f"randomness={level.randomness!r}",
            line=user_line(), fix='pb.vmap(f, randomness="different"), or "same"',
        )  # fmt: skip
    if params["method"] == "permutation":
        orders = np.tile(np.arange(params["args"][0]), (level.size, 1))
        return primitive(orders, **{**params, "method": "permuted", "args": (), "axis": 1})
    size = params["size"]
    if size is None:
        size = np.broadcast_shapes(*map(shape_of_one, operands, batched))
    size = several(size)
    return primitive(*aligned(operands, batched, len(size)), **{**params, "size": (level.size, *size)})


draw_ = Opaque("random", _draw, doc="Numbers drawn from a generator; carries no derivative.")
draw_.draws, draw_.batching = True, _draw_for_all


def _require_constant(method: str, *args: Any) -> None:
    if any(isinstance(x, Tensor) and x.requires_grad for x in args):
        raise GraphError(
            f"random.{method}: what is drawn has no derivative in its parameters", parameters=args,
            fix="loc + scale * pb.random.normal(size=...), or detach() them",
        )  # fmt: skip


def _sample(method: str, args: tuple[Any, ...], rng: Rng, dtype: Any, **size: Any) -> Tensor:
    size = {name: tuple(n) if isinstance(n, Sequence) else n for name, n in size.items()}
    tensors = any(isinstance(x, (Tensor, np.ndarray)) for x in args)
    _require_constant(method, *args)
    # A seed stays a seed, so that a program draws the same numbers each time; a generator goes on.
    source = rng if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) else generator(rng)
    operands, numbers = (args, ()) if tensors else ((), args)
    return draw_(*operands, rng=source, method=method, args=numbers, dtype=dtype, **size)


def normal(loc: float = 0.0, scale: float = 1.0, size: Shape = None, *, rng: Rng = None, dtype: Any = float) -> Tensor:
    """Normal numbers of mean `loc` and standard deviation `scale`.

    >>> normal(size=(2, 3), rng=0).shape
    (2, 3)
    """
    return _sample("normal", (loc, scale), rng, dtype, size=size)


def uniform(low: float = 0.0, high: float = 1.0, size: Shape = None, *, rng: Rng = None, dtype: Any = float) -> Tensor:
    """Numbers uniform in [low, high).

    >>> uniform(size=2, rng=0).shape
    (2,)
    """
    return _sample("uniform", (low, high), rng, dtype, size=size)


def integers(low: int, high: int | None = None, size: Shape = None, *, rng: Rng = None) -> Tensor:
    """Integers uniform in [low, high), or [0, low).

    >>> integers(10, size=3, rng=0)
    Tensor([8, 6, 5])
    """
    return _sample("integers", (low, high), rng, np.int64, size=size)


def bernoulli(p: Any, size: Shape = None, *, rng: Rng = None) -> Tensor:
    """Booleans that are True with probability p.

    Raises OptionError where p, which may be an array, is no probability.

    >>> bernoulli(1.0, 2, rng=0)
    Tensor([ True,  True])
    """
    _require_constant("bernoulli", p)
    if isinstance(p, (Tensor, np.ndarray)):
        return uniform(size=size, rng=rng) < probability_(p)
    return uniform(size=size, rng=rng) < checked_number("random.bernoulli", "p", p, 0, 1)


def _probability(p: Any) -> Any:
    if not ((p >= 0) & (p <= 1)).all():
        raise OptionError("random.bernoulli: p is not possible", got=ranges([p]), fix="numbers in [0, 1]")
    return np.array(p)  # a value of its own, so that a program asks for it


probability_ = Opaque("probability", _probability, doc="What it is given, if all are probabilities: a program checks.")
probability_.batching = as_it_is


def permutation(n: int, *, rng: Rng = None) -> Tensor:
    """The integers below n in random order.

    >>> sorted(permutation(3, rng=0).tolist())
    [0, 1, 2]
    """
    return _sample("permutation", (n,), rng, np.int64)


explain_keywords(globals())
__getattr__, __dir__ = namespace(__name__)
