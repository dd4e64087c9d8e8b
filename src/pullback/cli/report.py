"""How well a run went: the last lines of `train` and of `evaluate`, and the pictures."""

from __future__ import annotations

from pullback.core.errors import DataError
from pullback.data import ImageSet
from pullback.nn import Module
from pullback.training.evaluation import evaluate
from pullback.training.measurements import Measurement, read_measurements
from pullback.training.pictures import MISSING, draw_pictures
from pullback.training.run_folder import RunFolder


def report(
    folder: RunFolder, network: Module, data: ImageSet, batches: int, done: str, step: int, *, quiet: bool = False
) -> None:
    """Test a network, draw the pictures of its run, and print what came out.

    Parameters
    ----------
    folder : RunFolder
        Where the pictures go and the metrics are.
    network : Module
        What is tested on the test part of `data`.
    batches : int
        Steps an epoch.
    done : str
        What was done before; goes into the line before the last.
    step : int
        That the network is of: what was measured later, by a training that goes on, is left out.
    quiet : bool
        Print the last line only.
    """
    result = evaluate(network, *data.test.arrays)
    metrics = _metrics(folder, step)
    learned = [row.value for row in metrics if (row.split, row.name) == ("train", "loss")]
    if not quiet:
        loss = f"loss {learned[-1]:.4f}, " if learned else ""
        print(f"{done}: {loss}test loss {result.loss:.4f}")
    accuracy = f"test accuracy {result.accuracy:.2%} ({result.correct:,} of {len(result.labels):,})"
    try:
        paths = draw_pictures(folder, data, result, metrics, batches)
    except OSError as error:
        print(accuracy)  # which is known all the same
        raise DataError(
            "run: a picture cannot be written", folder=folder.path, got=error.strerror,
            fix=f"make room, or let the folder be written to; then pullback evaluate {folder.path}",
        ) from error  # fmt: skip
    names = ", ".join(path.name for path in paths)
    pictures = f"pictures in {folder.path}: {names}" if paths else MISSING + f", then pullback evaluate {folder.path}"
    print(f"{accuracy}; {pictures}")


def _metrics(folder: RunFolder, step: int) -> list[Measurement]:
    try:
        return [row for row in read_measurements(folder.metrics) if row.step <= step] if folder.metrics.exists() else []
    except OSError as error:
        raise DataError(
            "run: the metrics cannot be read", file=folder.metrics, got=error.strerror, fix="move the file away"
        ) from error
