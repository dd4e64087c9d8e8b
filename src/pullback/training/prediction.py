"""Which digit a picture shows, and how likely each is: a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pullback.core.errors import DataError
from pullback.nn import Module
from pullback.training.digit_image import Frame, read_digit
from pullback.training.evaluation import classify


def predict(
    network: Module, frame: Frame, classes: Sequence[str], paths: Sequence[Path]
) -> tuple[list[str], list[DataError]]:
    """Give the lines of a table for the pictures that can be read, and the complaints about the others."""
    read: list[tuple[Path, Any]] = []
    refused: list[DataError] = []
    for path in paths:
        try:
            read.append((path, read_digit(path, frame)))
        except DataError as error:
            refused.append(error)
    if not read:
        return [], refused
    shares = classify(network, np.stack([digit for _, digit in read]))
    return list(_table(classes, [path for path, _ in read], shares)), refused


def _table(classes: Sequence[str], paths: list[Path], shares: Any) -> Iterator[str]:
    width = max(len("image"), *(len(str(path)) for path in paths))
    yield f"{'image':<{width}}  digit  " + "  ".join(f"{name:>6}" for name in classes)
    for path, row in zip(paths, shares, strict=True):
        numbers = "  ".join(f"{share:>6.1%}" if share >= 0.0005 else "     ·" for share in row)
        yield f"{path!s:<{width}}  {classes[row.argmax()]:>5}  {numbers}"
