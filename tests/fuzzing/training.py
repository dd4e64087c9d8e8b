"""A random training step: a small network, a loss, an optimizer and its settings, and what changes between calls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

ACTIVATIONS = ("nn.ReLU()", "nn.Tanh()", "nn.Sigmoid()", "nn.GELU()", "nn.SiLU()", "nn.Softplus()", "nn.LeakyReLU(0.1)")
NORMS = {
    "": "return x",
    "centred": "return x - x.mean(axis=-1, keepdims=True)",
    "layer norm": "return (x - x.mean(axis=-1, keepdims=True)) / pb.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)",
    "unit norm": "return x / (pb.norm(x, axis=-1, keepdims=True) + 1e-3)",
    "softmax": "return pb.softmax(x, axis=-1)",
}
# A loss and its targets, of the shape of the outputs or without their last axis.
LOSSES = {
    "nn.MSELoss()": "array([*seed, call, 1], (batch, outputs), dtype)",
    "nn.L1Loss()": "array([*seed, call, 1], (batch, outputs), dtype)",
    "nn.BCEWithLogitsLoss()": "array([*seed, call, 1], (batch, outputs), dtype, low=0, high=1)",
    "nn.CrossEntropyLoss()": "array([*seed, call, 1], (batch,), 'int64', low=0, high=outputs - 1)",
    "nn.CrossEntropyLoss(reduction='sum')": "array([*seed, call, 1], (batch,), 'int64', low=0, high=outputs - 1)",
}
OPTIMIZERS = (
    "SGD(parameters, lr=0.05)", "SGD(parameters, lr=0.05, momentum=0.9)",
    "SGD(parameters, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01)",
    "SGD(parameters, lr=0.05, momentum=0.9, dampening=0.3)", "SGD(parameters, lr=0.05, weight_decay=0.1)",
    "Adam(parameters, lr=0.01)", "Adam(parameters, lr=0.01, betas=(0.8, 0.9), weight_decay=0.1)",
    "AdamW(parameters, lr=0.01)", "AdamW(parameters, lr=0.01, weight_decay=0)",
)  # fmt: skip
CLIPPED = """
        square = sum(pb.sum(p.grad * p.grad) for p in parameters)
        scale = pb.minimum(1.0, 0.5 / (pb.sqrt(square) + 1e-6))
        for p in parameters:
            p.grad = p.grad * scale
"""


@dataclass(frozen=True)
class Training:
    """A training step, by its settings; `zero_grad` stands at the "begin", in the "middle" or at the "end"."""

    seed: tuple[int, ...]
    widths: tuple[int, ...]
    batch: int
    dtype: str
    activation: str
    norm: str
    loss: str
    optimizer: str
    zero_grad: str = "begin"
    clip: bool = False
    rates: bool = False
    penalty: bool = False
    tensors: bool = False
    dropout: bool = False
    layout: str = "plain"

    @property
    def operations(self):
        return Counter([
            "training", self.activation.partition("(")[0], self.loss.partition("(")[0],
            self.optimizer.partition("(")[0], *([f"rows: {self.norm}"] if self.norm else ()),
        ])  # fmt: skip

    @property
    def source(self):
        """The text: `build` makes the step, what happens before each call, and what to look at after it."""
        layers = []
        for number, (i, o) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            layers += [self.activation] if number else []
            layers += ["nn.Dropout(0.5)"] if number and self.dropout else []
            layers.append(f"nn.Linear({i}, {o}, dtype=np.{self.dtype}, rng={number})")
        zeroed = "        optimizer.zero_grad()\n"
        clipped = CLIPPED.strip("\n") + "\n" if self.clip else ""
        penalty = "        loss = loss + 0.01 * sum(pb.sum(p * p) for p in parameters)\n" if self.penalty else ""
        given = f"array([*seed, call, 0], ({self.batch}, {self.widths[0]}), {self.dtype!r}, {self.layout!r})"
        return f"""
from pullback import nn
from pullback.optim import SGD, Adam, AdamW

def build():
    model = nn.Sequential({", ".join(layers)}).eval()
    parameters = list(model.parameters())
    criterion = {self.loss}
    optimizer = {self.optimizer}
    def norm(x):
        {NORMS[self.norm]}
    def step(x, t):
{zeroed if self.zero_grad == "begin" else ""}        loss = criterion(norm(model(x)), t)
{penalty}{zeroed if self.zero_grad == "middle" else ""}        loss.backward()
{clipped}        optimizer.step()
{zeroed if self.zero_grad == "end" else ""}        return loss
    def before(call):
        {"optimizer.lr = 0.05 / (call + 1)" if self.rates else "pass"}
    def state():
        gradients = [p.grad for p in parameters if p.grad is not None]
        return [*parameters, *gradients, *optimizer.state_dict()["state"].values()]
    return step, before, state

def arguments(call):
    seed, batch, outputs, dtype = {self.seed}, {self.batch}, {self.widths[-1]}, {self.dtype!r}
    given = [{given}, {LOSSES[self.loss]}]
    return {"[pb.tensor(x) for x in given]" if self.tensors else "given"}
"""

    def smaller(self) -> Iterator[Training]:
        """Simpler settings."""
        for i in range(1, len(self.widths) - 1):
            yield replace(self, widths=self.widths[:i] + self.widths[i + 1 :])
        plain = Training(self.seed, self.widths, 2, self.dtype, "nn.Tanh()", "", "nn.MSELoss()", OPTIMIZERS[0])
        for name in ("norm", "loss", "optimizer", "activation", "batch", "zero_grad", "clip", "rates", "penalty",
                     "tensors", "dropout", "layout"):  # fmt: skip
            if getattr(self, name) != getattr(plain, name):
                yield replace(self, **{name: getattr(plain, name)})
        for i, width in enumerate(self.widths):
            if width > 2:
                yield replace(self, widths=(*self.widths[:i], 2, *self.widths[i + 1 :]))


def training(seed) -> Training:
    """The training step of a seed, a tuple of whole numbers."""
    rng = np.random.default_rng(seed)

    def one_of(values):
        return values[rng.integers(len(values))]

    lengths = (1, 2, 3, 7, 15, 16, 17, 33)
    large = rng.random() < 0.05
    widths = (784, 64, 10) if large else tuple(one_of(lengths) for _ in range(one_of((2, 3, 3, 4))))
    flags = {name: bool(rng.random() < 0.3) for name in ("clip", "rates", "penalty", "tensors", "dropout")}
    return Training(
        tuple(seed), widths, 32 if large else one_of(lengths), one_of(("float32", "float64")), one_of(ACTIVATIONS),
        one_of(("", "", *NORMS)), one_of(tuple(LOSSES)), one_of(OPTIMIZERS), one_of(("begin", "middle", "end")),
        layout=one_of(("plain", "plain", "strided", "fortran", "reversed", "read-only")), **flags,
    )  # fmt: skip
