"""How well a network tells images apart at last: the line that says so, and its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pullback.core.errors import DataError
from pullback.data import ImageSet
from pullback.nn import Module
from pullback.training.evaluation import evaluate
from pullback.training.history import History
from pullback.training.measurements import Measurement
from pullback.training.pictures import MISSING, draw_pictures
from pullback.training.report_page import Pictures, write_report
from pullback.training.run_folder import RunFolder


def report(
    folder: RunFolder, network: Module, data: ImageSet, rows: Sequence[Measurement], batches: int
) -> Iterator[str]:
    """Test a network, draw the pictures of its run, and say what came out.

    Parameters
    ----------
    folder : RunFolder
        Where the pictures go.
    network : Module
        What is tested on the test part of `data`.
    rows : sequence of Measurement
        What was measured on the way.
    batches : int
        Steps an epoch.

    Yields
    ------
    str
        What goes behind what was done before, and the last line.
    """
    result = evaluate(network, *data.test.arrays)
    _, learned = History(list(rows)).curve("train", "loss")
    loss = f"loss {learned[-1]:.4f}, " if learned else ""
    accuracy = f"test accuracy {result.accuracy:.2%} ({result.correct:,} of {len(result.labels):,})"
    yield f"{loss}test loss {result.loss:.4f}"
    try:
        paths = draw_pictures(folder, data, result, rows, batches)
        page = write_report(folder, rows, Pictures(data.test.arrays[0], result, data.classes))
    except OSError as error:
        yield accuracy  # which is known all the same
        raise DataError(
            "run: a picture cannot be written", folder=folder.path, got=error.strerror,
            fix=f"make room, or let the folder be written to; then pullback evaluate {folder.quoted}",
        ) from error  # fmt: skip
    names = ", ".join(path.name for path in [*paths, page])
    pictures = "" if paths else f"; {MISSING}, then pullback evaluate {folder.quoted}"
    yield f"{accuracy}; pictures in {folder.path}: {names}{pictures}"
