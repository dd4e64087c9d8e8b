"""Never slower: sixty small programs, each compiled beside the same one as it is written, in one process and in turn.

A figure is the time of the compiled one over what it is allowed: 1.1 × eager or 0.8 µs more, whichever is more.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, Final, NamedTuple

import numpy as np
from contest import Step, Target, Work

ALLOWED, MORE = 1.1, 0.8e-6
SAMPLE: Final = 4e-3  # seconds of each, in turn
TURNS: Final = 25


class Program(NamedTuple):
    """A function of Pullback's module and of tensors, and the shapes of these; a number is a whole number below it."""

    f: Callable[..., Any]
    shapes: tuple[Any, ...]
    dtype: Any = float


def _squares(pb: Any, x: Any) -> Any:
    return pb.grad(lambda x: (x * x).sum())(x)


def _dense(pb: Any, x: Any, w: Any) -> Any:
    return pb.value_and_grad(lambda w: (pb.tanh(x @ w) ** 2).mean())(w)


def _written(pb: Any, x: Any, y: Any) -> Any:  # noqa: ARG001  # as all others
    x = x.copy()
    x[1:-1] = y[1:-1]
    return x


PROGRAMS: Final[dict[str, Program]] = {
    "exp 1": Program(lambda pb, x: pb.exp(x), ((1,),)),
    "exp 1e3": Program(lambda pb, x: pb.exp(x), ((1000,),)),
    "exp 1e6": Program(lambda pb, x: pb.exp(x), ((1000, 1000),)),
    "add 1e3": Program(lambda _, x, y: x + y, ((1000,), (1000,))),
    "add 1e6": Program(lambda _, x, y: x + y, ((1000, 1000), (1000,))),
    "where 1e4": Program(lambda pb, x, y: pb.where(x > y, x, y), ((100, 100), (100, 100))),
    "integers 1e4": Program(lambda _, x, y: (x * 3 + y) % 7, ((10000,), (10000,)), np.int64),
    "half 1e4": Program(lambda _, x, y: x * y + x, ((10000,), (10000,)), np.float16),
    "complex 1e4": Program(lambda _, x, y: x * y + x, ((10000,), (10000,)), complex),
    "cast 1e5": Program(lambda _, x: x.astype(np.float32), ((100000,),)),
    "k×2 1e5": Program(lambda _, x, y: x * y + 1, ((50000, 2), (2,))),
    "n×3 sum 3e5": Program(lambda _, x: (x * x).sum(-1), ((100000, 3),)),
    "n×3 norm 3e5": Program(lambda pb, x: x / pb.sqrt((x * x).sum(-1, keepdims=True)), ((100000, 3),)),
    "sum 1e6": Program(lambda _, x: x.sum(), ((1000, 1000),)),
    "sum rows 1e4": Program(lambda _, x: x.sum(1), ((100, 100),)),
    "max columns 1e6": Program(lambda _, x: x.max(0), ((1000, 1000),)),
    "var 1e4": Program(lambda _, x: x.var(0), ((100, 100),)),
    "any 1e6": Program(lambda _, x: (x > 9).any(), ((1000, 1000),)),
    "argmax 1e3": Program(lambda _, x: x.argmax(), ((1000,),)),
    "argmax 1e6": Program(lambda _, x: x.argmax(1), ((1000, 1000),)),
    "argmin 1e6": Program(lambda _, x: x.argmin(0), ((1000, 1000),), np.float32),
    "cumsum 1e5": Program(lambda pb, x: pb.cumsum(x), ((100000,),)),
    "cumsum 1e6": Program(lambda pb, x: pb.cumsum(x, axis=0), ((1000, 1000),)),
    "roll 1e6": Program(lambda pb, x: pb.roll(x, 3, 1), ((1000, 1000),)),
    "flip 1e4": Program(lambda pb, x: pb.flip(x) * 1, ((100, 100),)),
    "transpose 1e6": Program(lambda _, x: x.T.copy(), ((1000, 1000),)),
    "transpose×2 3e5": Program(lambda _, x: x.T * 2, ((547, 547),)),
    "middle×2 3e5": Program(lambda _, x: x.transpose(0, 2, 1) * 2, ((900, 20, 16),)),
    "roll 3e5": Program(lambda pb, x: pb.roll(x, 3), ((300000,),)),
    "tile 3e5": Program(lambda pb, x: pb.tile(x, 3), ((300000,),)),
    "repeat 3e5": Program(lambda pb, x: pb.repeat(x, 3), ((100000,),)),
    "views 1e4": Program(lambda _, x: (x.T, x[1:], x.reshape(-1)), ((100, 100),)),
    "view 1": Program(lambda _, x: x[0], ((1,),)),
    "join 1e3": Program(lambda pb, x, y: pb.concatenate([x, y]), ((500,), (500,))),
    "join 2e6": Program(lambda pb, x, y: pb.concatenate([x, y]), ((1000, 1000), (1000, 1000))),
    "stack 2e4": Program(lambda pb, x, y: pb.stack([x, y], -1), ((10000,), (10000,))),
    "pad 1e4": Program(lambda pb, x: pb.pad(x, 2), ((100, 100),)),
    "take 1e5": Program(lambda pb, x, i: pb.take(x, i, 0), ((1000, 100), (1000, (1000,)))),
    "assign 1e5": Program(_written, ((1000, 100), (1000, 100))),
    "median 1e5": Program(lambda pb, x: pb.median(x), ((100000,),)),
    "median, gradient 1e5": Program(lambda pb, x: pb.grad(pb.median)(x), ((100000,),)),
    "sort, gradient 1e5": Program(lambda pb, x: pb.grad(lambda x: (pb.sort(x) ** 2).sum())(x), ((100000,),)),
    "mean of middle 3e5": Program(lambda _, x: x.mean(1), ((900, 20, 16),)),
    "mask 1e5": Program(lambda _, x: (x * (x > 0)).sum(), ((100000,),)),
    "strides 1e5": Program(lambda _, x: x[::2, ::2] * 2, ((400, 400),)),
    "differences 1e5": Program(lambda _, x: x[:, None] - x[None, :], ((300,),)),
    "three operands 1e4": Program(lambda pb, x, y: pb.einsum("i,ij,j->", x, y, x), ((100,), (100, 100))),
    "sort 1e5": Program(lambda pb, x: pb.sort(x), ((100000,),)),
    "search 1e4": Program(lambda pb, x, y: pb.searchsorted(pb.sort(x), y), ((1000,), (10000,))),
    "solve 50": Program(lambda pb, x, y: pb.linalg.solve(x, y), ((50, 50), (50,))),
    "matmul 4": Program(lambda _, x, y: x @ y, ((4, 4), (4, 4))),
    "matmul 300": Program(lambda _, x, y: x @ y, ((300, 300), (300, 300))),
    "product, exp": Program(lambda pb, x, w: pb.exp(0.1 * (x @ w)), ((2000, 20), (20,))),
    "product×3, tanh": Program(lambda pb, x, w: pb.tanh(x @ w), ((2000, 20), (20, 3))),
    "softmax 1e5": Program(lambda pb, x: pb.softmax(x, -1), ((1000, 100),)),
    "gradient 1": Program(_squares, ((1,),)),
    "gradient 1e6": Program(_squares, ((1000, 1000),)),
    "layer, gradient": Program(_dense, ((64, 32), (32, 16))),
}  # fmt: skip

work: Final = Work(
    "guard", "small programs, compiled: the time over what is allowed, 1.1 × eager or 0.8 µs more",
    *(Target(1.0, comparison="alone", contestant=f"pullback {name}", measure="share") for name in PROGRAMS),
    measure="share", comparison="alone",
)  # fmt: skip


def arguments(program: Program) -> list[Any]:
    """What a program is given, the same each time."""
    rng = np.random.default_rng(0)
    made = []
    for shape in program.shapes:
        if isinstance(shape[-1], tuple):
            made.append(rng.integers(0, *shape))
        elif program.dtype is complex:
            made.append(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
        else:
            made.append((10 * rng.standard_normal(shape)).astype(program.dtype))
    return made


def seconds(f: Callable[..., Any], given: list[Any], calls: int) -> float:
    """Of a call, on average."""
    begin = perf_counter()
    for _ in range(calls):
        f(*given)
    return (perf_counter() - begin) / calls


def times(program: Program) -> tuple[float, float]:
    """Seconds of a call as it is written, and compiled: the least of turns that follow each other."""
    import pullback as pb

    def eager(*given: Any) -> Any:
        return program.f(pb, *given)

    compiled, given = pb.compile(eager), [pb.tensor(array) for array in arguments(program)]
    for _ in range(5):
        compiled(*given)
    calls = max(1, round(SAMPLE / seconds(eager, given, 3)))
    pairs = [(seconds(eager, given, calls), seconds(compiled, given, calls)) for _ in range(TURNS)]
    eagerly, natively = zip(*pairs, strict=True)
    return min(eagerly), min(natively)


def enter(name: str, program: Program) -> None:
    """Make a program a contestant of its own."""

    @work.contestant(f"pullback {name}", compared=False)
    def set_up() -> Step:
        def share() -> float:
            eager, compiled = times(program)
            return compiled / max(ALLOWED * eager, eager + MORE)

        return share


for key, row in PROGRAMS.items():
    enter(key, row)
