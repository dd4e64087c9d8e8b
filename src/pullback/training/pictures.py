"""A run in pictures: how it learned, what it confuses, and its worst mistakes.

They are drawn with matplotlib's objects and without pyplot, which keeps a state of its own for the whole
process. Without matplotlib there are no pictures, and nothing else changes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from pullback.data import ImageSet
from pullback.interop.atomic import write_atomically
from pullback.training.evaluation import Evaluation
from pullback.training.measurements import Measurement
from pullback.training.run_folder import RunFolder

MISSING: Final = "for pictures: pip install 'pullback[viz]'"

_COLOURS: Final = {"train": "#9aa5b1", "test": "#2f6fb3"}
_LABELS: Final = {"train": "training images", "test": "test images"}
_ROWS, _COLUMNS = 4, 6  # of mistakes


def available() -> bool:
    """Whether matplotlib is there to draw."""
    return find_spec("matplotlib") is not None


def draw_pictures(
    folder: RunFolder, data: ImageSet, evaluation: Evaluation, metrics: Sequence[Measurement], batches: int
) -> list[Path]:
    """Draw the pictures of a run into its folder, and give their paths; none without matplotlib.

    Parameters
    ----------
    folder : RunFolder
        Where they go.
    data : ImageSet
        The images that the evaluation is about, those of its test part.
    evaluation : Evaluation
        What the network said about them.
    metrics : sequence of Measurement
        What was measured on the way.
    batches : int
        Steps an epoch.
    """
    if not available():
        return []
    images, _ = data.test.arrays
    drawn = {
        "curves.png": _curves(metrics, batches, f"Learning {data.name}"),
        "confusion.png": _confusion(evaluation, data.classes),
        "mistakes.png": _mistakes(evaluation, images, data.classes),
    }
    return [_written(figure, folder.path / name) for name, figure in drawn.items()]


def _written(figure: Any, path: Path) -> Path:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    return write_atomically(path, buffer.getvalue())


def _figure(width: float, height: float, left: float, right: float, bottom: float, top: float) -> Any:
    """A figure of a size, with margins, in inches: to find them by layout takes longer than all the drawing."""
    from matplotlib.figure import Figure  # an extra, and heavy

    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
    return figure


def _curves(metrics: Iterable[Measurement], batches: int, title: str) -> Any:
    """Draw loss and accuracy over the epochs, of the images learned from and of the test images."""
    figure = _figure(9.6, 3.8, left=0.7, right=0.15, bottom=0.55, top=0.5)
    figure.suptitle(title)
    axes = dict(zip(("loss", "accuracy"), figure.subplots(1, 2, gridspec_kw={"wspace": 0.25}), strict=True))
    rows = list(metrics)
    for name, ax in axes.items():
        for split, colour in _COLOURS.items():
            points = [(row.step / batches, row.value) for row in rows if (row.split, row.name) == (split, name)]
            if points:
                few = len(points) <= 40
                look = {"marker": "o" if few else None, "markersize": 3, "linewidth": 1.5 if few else 0.7}
                ax.plot(*zip(*points, strict=True), color=colour, label=_LABELS[split], **look)
        ax.set_xlabel("epoch")
        ax.set_ylabel(name)
        ax.grid(color="#e5e8ec")
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    if any(row.name == "loss" for row in rows):
        axes["loss"].set_yscale("log")
        axes["loss"].legend(frameon=False)
    axes["accuracy"].yaxis.set_major_formatter(lambda share, _: f"{share:.1%}".replace(".0%", "%"))
    return figure


def _confusion(evaluation: Evaluation, classes: Sequence[str]) -> Any:
    """Draw how many images of each class were taken for which; shaded by the share of the row."""
    counts = evaluation.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 0.5 * len(classes)
    named = 0.5 + 0.08 * max(map(len, classes))  # as wide as the names of the classes
    figure = _figure(side + named + 0.15, side + 1.0, left=named, right=0.15, bottom=0.55, top=0.45)
    ax = figure.subplots()
    # The square root makes the few mistakes visible beside the many hits.
    ax.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1.15)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            dark = shares[row, column] > 0.4
            ax.text(column, row, f"{count:,}", ha="center", va="center", color="white" if dark else "#1f2933")
    places = range(len(classes))
    ax.set_xticks(places, classes)
    ax.set_yticks(places, classes)
    ax.set_xlabel("taken for")
    ax.set_ylabel("is")
    ax.set_title(f"{evaluation.accuracy:.2%} of {len(evaluation.labels):,} test images recognised")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def _mistakes(evaluation: Evaluation, images: Any, classes: Sequence[str]) -> Any:
    """Draw the images with the largest losses among those that were not recognised."""
    wrong = evaluation.mistakes()
    shown = wrong[: _ROWS * _COLUMNS]
    rows = max(1, -(-len(shown) // _COLUMNS))
    figure = _figure(1.4 * _COLUMNS, 0.6 + 1.65 * rows, left=0.1, right=0.1, bottom=0.1, top=0.4)
    number = f"the {len(shown)} worst of {len(wrong):,}" if len(shown) < len(wrong) else f"all {len(wrong)}"
    figure.suptitle(f"Mistakes: {number}" if len(wrong) else "No mistakes")
    # One picture of all, for axes take longer to draw than what is in them: above and beside each image is room.
    height, width = images[0].shape[-2:]
    down, right = height + max(1, height // 5), width + max(1, width // 8)
    sheet = np.zeros((rows * down, _COLUMNS * right), images.dtype)
    ax = figure.subplots()
    for tile, place in enumerate(shown):
        row, column = divmod(tile, _COLUMNS)
        top, left = (row + 1) * down - height, column * right + (right - width) // 2
        sheet[top : top + height, left : left + width] = images[place].reshape(height, width)
        taken = evaluation.predictions[place]
        sure = evaluation.probabilities[place, taken]
        title = f"{classes[evaluation.labels[place]]} as {classes[taken]}, {sure:.0%}"
        ax.text(left + width / 2, top - 1, title, ha="center", va="bottom", fontsize=9)
    ax.imshow(sheet, cmap="gray_r", vmin=0, vmax=1)
    ax.set_axis_off()
    return figure
