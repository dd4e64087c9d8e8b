"""One row a loss, from which its tests are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from pullback import nn

RNG: Final = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 4, 3)) * 1.5
SIGNS: Final = np.array([1.0, -1.0, 1.0, -1.0])
PROBABILITIES: Final = RNG.uniform(0.05, 0.95, (4, 3))
SHARES: Final = PROBABILITIES / PROBABILITIES.sum(1, keepdims=True)
LOGS: Final = np.log(SHARES)
LABELS: Final = np.array([2, 0, 1, 0])
WEIGHT: Final = np.array([0.5, 2.0, 1.5])
IMAGES: Final = RNG.normal(size=(2, 3, 4, 5))
OF_IMAGES: Final = RNG.integers(0, 3, (2, 4, 5))
TIMES: Final = np.log(RNG.dirichlet(np.ones(4), (7, 3)))
WORDS: Final = np.array([[1, 2, 2], [3, 1, 1], [1, 0, 0]])
COUNTS: Final = (np.array([7, 6, 4]), np.array([3, 2, 1]))


@dataclass(frozen=True, repr=False)
class Row:
    """A loss with settings and what it is called with; `learned` are the arguments that have a derivative."""

    kind: type[nn.Module]
    inputs: tuple[Any, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    learned: tuple[int, ...] = (0,)
    theirs: dict[str, Any] | None = field(default_factory=dict)  # settings of PyTorch's that differ; None: it has none
    reductions: tuple[str, ...] = ("mean", "sum", "none")

    def __str__(self) -> str:
        return " ".join([self.kind.__name__, *self.settings, str(np.shape(self.inputs[0]))])


ROWS: Final = (
    Row(nn.MSELoss, (X, Y), learned=(0, 1)), Row(nn.L1Loss, (X, Y), learned=(0, 1)),
    Row(nn.HuberLoss, (X, Y), learned=(0, 1)), Row(nn.HuberLoss, (X, Y), {"delta": 0.4}),
    Row(nn.SmoothL1Loss, (X, Y), learned=(0, 1)), Row(nn.SmoothL1Loss, (X, Y), {"beta": 0.4}),
    Row(nn.SmoothL1Loss, (X, Y), {"beta": 0.0}),
    Row(nn.BCELoss, (PROBABILITIES, SHARES)), Row(nn.BCELoss, (PROBABILITIES, SHARES), {"weight": WEIGHT}),
    Row(nn.BCEWithLogitsLoss, (X, SHARES)), Row(nn.BCEWithLogitsLoss, (X, SHARES), {"pos_weight": WEIGHT}),
    Row(nn.BCEWithLogitsLoss, (X, SHARES), {"weight": WEIGHT, "pos_weight": WEIGHT}),
    Row(nn.CrossEntropyLoss, (X, LABELS)), Row(nn.CrossEntropyLoss, (X, SHARES)),
    Row(nn.CrossEntropyLoss, (X, LABELS), {"weight": WEIGHT}),
    Row(nn.CrossEntropyLoss, (X, LABELS), {"ignore_index": 0}),
    Row(nn.CrossEntropyLoss, (X, LABELS), {"ignore_index": 1, "weight": WEIGHT}),
    Row(nn.CrossEntropyLoss, (X, LABELS), {"label_smoothing": 0.2}),
    Row(nn.CrossEntropyLoss, (X, LABELS), {"label_smoothing": 0.2, "weight": WEIGHT, "ignore_index": 2}),
    Row(nn.CrossEntropyLoss, (X, SHARES), {"label_smoothing": 0.2, "weight": WEIGHT}),
    Row(nn.CrossEntropyLoss, (IMAGES, OF_IMAGES)),
    Row(nn.CrossEntropyLoss, (IMAGES, OF_IMAGES), {"ignore_index": 1, "weight": WEIGHT, "axis": 1},
        theirs={"axis": None}),
    Row(nn.CrossEntropyLoss, (IMAGES, np.moveaxis(np.eye(3)[OF_IMAGES], -1, 1)), {"axis": 1}, theirs={"axis": None}),
    Row(nn.NLLLoss, (LOGS, LABELS)), Row(nn.NLLLoss, (LOGS, LABELS), {"weight": WEIGHT, "ignore_index": 1}),
    Row(nn.NLLLoss, (IMAGES, OF_IMAGES)),
    Row(nn.KLDivLoss, (LOGS, SHARES[::-1]), learned=(0, 1), reductions=("mean", "sum", "none", "batchmean")),
    Row(nn.KLDivLoss, (LOGS, LOGS[::-1]), {"log_target": True}, learned=(0, 1)),
    Row(nn.KLDivLoss, (LOGS, np.eye(3)[LABELS])),
    Row(nn.PoissonNLLLoss, (X, 4 * PROBABILITIES)), Row(nn.PoissonNLLLoss, (X, 4 * PROBABILITIES), {"full": True}),
    Row(nn.PoissonNLLLoss, (PROBABILITIES, 4 * SHARES), {"log_input": False, "eps": 1e-3}),
    Row(nn.GaussianNLLLoss, (X, Y, PROBABILITIES), learned=(0, 1, 2)),
    Row(nn.GaussianNLLLoss, (X, Y, PROBABILITIES[:, :1]), {"full": True}, learned=(0, 2)),
    Row(nn.GaussianNLLLoss, (X, Y, PROBABILITIES[:, 0]), {"eps": 1e-3}, learned=(0, 2)),
    Row(nn.HingeLoss, (X, np.sign(Y)), theirs=None),
    Row(nn.HingeEmbeddingLoss, (abs(X), np.sign(Y))), Row(nn.HingeEmbeddingLoss, (abs(X), np.sign(Y)), {"margin": 0.3}),
    Row(nn.MarginRankingLoss, (X[:, 0], Y[:, 0], SIGNS), learned=(0, 1)),
    Row(nn.MarginRankingLoss, (X[:, 0], Y[:, 0], SIGNS), {"margin": 0.7}, learned=(0, 1)),
    Row(nn.CosineEmbeddingLoss, (X, Y, SIGNS), learned=(0, 1)),
    Row(nn.CosineEmbeddingLoss, (X, Y, SIGNS), {"margin": -0.5}, learned=(0, 1)),
    Row(nn.TripletMarginLoss, (X, Y, X[::-1]), learned=(0, 1, 2)),
    Row(nn.TripletMarginLoss, (X, Y, X[::-1]), {"margin": 0.3, "p": 3.0, "swap": True}, learned=(0, 1, 2)),
    Row(nn.CTCLoss, (TIMES, WORDS, *COUNTS)),
    Row(nn.CTCLoss, (TIMES, np.array([1, 2, 2, 3, 1, 1]), *COUNTS), {"zero_infinity": True}),
    Row(nn.CTCLoss, (TIMES, WORDS % 3, COUNTS[0], COUNTS[1]), {"blank": 3}),
    Row(nn.CTCLoss, (TIMES[:, 0], WORDS[0], np.array(7), np.array(3))),
    Row(nn.CTCLoss, (TIMES[:4], WORDS, np.array([4, 3, 1]), COUNTS[1]), {"zero_infinity": True}),
)  # fmt: skip
