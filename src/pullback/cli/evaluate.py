"""`pullback evaluate` and `pullback predict`: a trained network on its test images, and on pictures of yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from pullback.cli.report import report
from pullback.cli.train import data_of
from pullback.core.errors import DataError, OptionError
from pullback.nn import Module
from pullback.training import checkpoint
from pullback.training.digit_image import FRAMES, read_digit
from pullback.training.evaluation import classify
from pullback.training.learner import network_for
from pullback.training.resuming import Told
from pullback.training.run_folder import RunFolder
from pullback.training.settings import MACHINE, layered, read_toml

_CLASSES = tuple("0123456789")

Run = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN", show_default=False)]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder with the files of MNIST.", metavar="DIR")]
Images = Annotated[list[Path], typer.Argument(help="Pictures of one digit each.", metavar="IMAGE", show_default=False)]


def evaluate(run: Run, data_dir: DataDir = None) -> None:
    """Test a trained network again, and draw its pictures.

    The last line has the accuracy on the test images, which the network did not learn from.
    """
    folder = RunFolder.open(run)
    network, told = trained(folder)
    settings = layered(told.settings.kept(), {"data_dir": str(data_dir)} if data_dir else _machine(folder))
    data = data_of(settings)
    batches = max(1, len(data.train) // settings.batch_size)
    report(folder, network, data, batches, f"{settings.data}, after {told.step:,} steps", told.step)


def _machine(folder: RunFolder) -> dict[str, Any]:
    """What config.toml tells of this machine, which a checkpoint does not."""
    written = read_toml(folder.config) if folder.config.exists() else {}
    return {name: value for name, value in written.items() if name in MACHINE}


def predict(run: Run, images: Images) -> None:
    """Tell which digit a picture shows, and how likely each is.

    A picture may be a PNG (or JPEG, GIF, BMP, TIFF, WEBP), in colours, grey or transparent, of 8 to 4,096
    pixels a side; dark on bright or bright on dark. It shows one digit, which is cut out along its ink, brought
    to the size of those that the network learned from, and centred. A picture of exactly their size (8 x 8, or
    28 x 28 of MNIST) is taken as it is. A picture that cannot be read is named, and the others are told all the same.
    """
    network, told = trained(RunFolder.open(run))
    frame = FRAMES[told.settings.data]
    read: list[tuple[Path, Any]] = []
    refused: list[DataError] = []
    for path in images:
        try:
            read.append((path, read_digit(path, frame)))
        except DataError as error:
            refused.append(error)
    if read:
        _print_table([path for path, _ in read], classify(network, np.stack([digit for _, digit in read])))
    for complaint in refused[:-1]:
        print(f"error: {complaint}", file=sys.stderr)
    if refused:
        raise refused[-1]


def _print_table(paths: list[Path], shares: Any) -> None:
    width = max(len("image"), *(len(str(path)) for path in paths))
    print(f"{'image':<{width}}  digit  " + "  ".join(f"{name:>6}" for name in _CLASSES))
    for path, row in zip(paths, shares, strict=True):
        numbers = "  ".join(f"{share:>6.1%}" if share >= 0.0005 else "     ·" for share in row)
        print(f"{path!s:<{width}}  {_CLASSES[row.argmax()]:>5}  {numbers}")


def trained(folder: RunFolder) -> tuple[Module, Told]:
    """Make the network of a run, with the weights that it has learned, and give what its checkpoint tells."""
    if not folder.checkpoint.exists():
        raise OptionError(
            "run: it stopped before anything was saved", folder=folder.path, missing=folder.checkpoint.name,
            fix=f"pullback train --resume {folder.path}",
        )  # fmt: skip
    saved = checkpoint.load(folder.checkpoint)
    with checkpoint.naming(folder.checkpoint):
        told = Told.of(saved)
        side = FRAMES[told.settings.data].side
        network = network_for(told.settings, (side, side), len(_CLASSES))
        network.load_state_dict(saved.model)
    return network, told
