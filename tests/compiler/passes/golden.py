"""A dozen functions, and the programs that are left of them after all passes, as text files beside this one.

After a change that is meant, write the files anew with `python -m tests.compiler.passes.golden`, and read what git diff
says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

import pullback as pb
from pullback.programs.program import Program

FOLDER: Final = Path(__file__).parent / "programs"


def double(*shape: int) -> np.ndarray:
    """An array of a shape; its numbers do not matter to the program."""
    return np.ones(shape)


def single(*shape: int) -> np.ndarray:
    """The same in float32."""
    return np.ones(shape, np.float32)


def layer_norm(x: Any, gain: Any, bias: Any) -> Any:
    """Normalised rows."""
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / pb.sqrt(variance + 1e-5) * gain + bias


def training_step(rule: Callable[..., Any]) -> Callable[..., Any]:
    """A step of a linear layer by an optimizer."""
    model = pb.nn.Linear(3, 2, rng=0)
    optimizer = rule(model.parameters(), lr=0.1)

    def step(x: Any, y: Any) -> Any:
        loss = pb.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return step


FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    "sine_to_the_sine": (lambda x: pb.sin(x) ** pb.sin(x), (double(),)),
    "softmax": (lambda x: pb.softmax(x, axis=1), (double(4, 5),)),
    "layer_norm": (layer_norm, (single(4, 5), single(5), single(5))),
    "gradient_of_cross_entropy": (pb.grad(pb.cross_entropy), (single(4, 5), np.arange(4))),
    "linear_relu": (lambda x, w, b: pb.relu(x @ w.T + b), (single(4, 3), single(2, 3), single(2))),
    "sgd_step": (training_step(pb.optim.SGD), (single(4, 3), single(4, 2))),
    "adam_step": (training_step(pb.optim.Adam), (single(4, 3), single(4, 2))),
    "logsumexp": (lambda x: pb.logsumexp(x, axis=1), (double(4, 5),)),
    "einsum": (lambda a, b: pb.einsum("bij,bkj->bik", a, b), (double(2, 3, 4), double(2, 5, 4))),
    "gradient_of_a_masked_root": (pb.grad(lambda x: pb.where(x > 0, pb.sqrt(x), x).sum()), (double(5),)),
    "var": (lambda x: x.var(axis=0), (double(4, 5),)),
    "jvp": (lambda x, t: pb.jvp(lambda y: pb.exp(y) * y, (x,), (t,)), (double(3), double(3))),
}


def stages(f: Callable[..., Any], *args: Any) -> dict[str, Program]:
    """The program of a function as recorded, and after each pass that changed it. Nothing is compiled."""
    step = pb.compile(f)
    step.prepare(*args)
    return step.stages


def text(name: str) -> str:
    """What is left of a function after all passes, as it prints."""
    f, args = FUNCTIONS[name]
    return f"{list(stages(f, *args).values())[-1]}\n"


def path(name: str) -> Path:
    """The file of a program."""
    return FOLDER / f"{name}.txt"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name in FUNCTIONS:
        path(name).write_text(text(name), encoding="utf-8")
    print(f"{len(FUNCTIONS)} programs written to {FOLDER}: look at the difference before you commit it")
