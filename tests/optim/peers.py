"""One row an optimizer: its settings, and what PyTorch calls it; tests are made from the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from pullback import optim


@dataclass(frozen=True, repr=False)
class Row:
    """An optimizer with settings; where PyTorch has none, `formula` gives the parameter after some gradients."""

    kind: type[optim.Optimizer]
    settings: dict[str, Any] = field(default_factory=dict)
    formula: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return " ".join([self.kind.__name__, *(f"{name}={value}" for name, value in self.settings.items())])


def lion(p: Any, gradients: Any, lr: float = 1e-4, betas: Any = (0.9, 0.99), weight_decay: float = 0.0) -> Any:
    """Chen et al. 2023, program 1."""
    m = np.zeros_like(p)
    for g in gradients:
        update = np.sign(betas[0] * m + (1 - betas[0]) * g)
        p = p - lr * (update + weight_decay * p)
        m = betas[1] * m + (1 - betas[1]) * g
    return p


ROWS: Final = (
    Row(optim.SGD, {"lr": 0.1}),
    Row(optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    Row(optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    Row(optim.Adam),
    Row(optim.Adam, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1}),
    Row(optim.Adam, {"lr": 0.01, "betas": (0.9, 0.5), "amsgrad": True}),
    Row(optim.AdamW),
    Row(optim.AdamW, {"lr": 0.01, "betas": (0.9, 0.5), "weight_decay": 0.1, "amsgrad": True}),
    Row(optim.Adamax),
    Row(optim.Adamax, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    Row(optim.NAdam),
    Row(optim.NAdam, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-4, "weight_decay": 0.1, "momentum_decay": 0.1}),
    Row(optim.NAdam, {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    Row(optim.RAdam),
    Row(optim.RAdam, {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}),
    Row(optim.RAdam, {"lr": 0.01, "betas": (0.8, 0.5), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    Row(optim.RMSprop),
    Row(optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.1, "momentum": 0.5}),
    Row(optim.RMSprop, {"centered": True, "momentum": 0.5, "eps": 1e-2}),
    Row(optim.Adagrad),
    Row(optim.Adagrad, {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 0.1}),
    Row(optim.Adadelta),
    Row(optim.Adadelta, {"lr": 0.5, "rho": 0.8, "eps": 1e-3, "weight_decay": 0.1}),
    Row(optim.Lion, {}, lion),
    Row(optim.Lion, {"lr": 0.01, "betas": (0.8, 0.9), "weight_decay": 0.1}, lion),
    Row(optim.Muon),
    Row(optim.Muon, {"lr": 0.1, "weight_decay": 0.0, "momentum": 0.5, "nesterov": False, "ns_steps": 3}),
    Row(optim.Muon, {"ns_coefficients": (2.0, -1.5, 0.5), "eps": 1e-3, "adjust_lr_fn": "match_rms_adamw"}),
)  # fmt: skip
