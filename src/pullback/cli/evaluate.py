"""`pullback evaluate` and `pullback predict`: a trained model on what it is tested on, and on pictures of yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pullback.cli.train import tell
from pullback.core.errors import OptionError
from pullback.training import checkpoint
from pullback.training.resuming import Told
from pullback.training.run_folder import RunFolder
from pullback.training.settings import MACHINE, layered, read_toml
from pullback.training.task import Task, task_of

Run = Annotated[Path, typer.Argument(help="Folder of a run.", metavar="RUN", show_default=False)]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder with the files of the data.", metavar="DIR")]
Images = Annotated[list[Path], typer.Argument(help="Pictures of one digit each.", metavar="IMAGE", show_default=False)]


def evaluate(run: Run, data_dir: DataDir = None) -> None:
    """Test a trained model again, and draw its pictures.

    The last line has what came out on the data that the model did not learn from.
    """
    folder = RunFolder.open(run)
    task, told = trained(folder, {} if data_dir is None else {"data_dir": str(data_dir)})
    tell(task, folder, told.step, f"{told.settings.name}, after {told.step:,} steps")


def predict(run: Run, images: Images) -> None:
    """Tell which digit a picture shows, and how likely each is.

    A picture may be a PNG (or JPEG, GIF, BMP, TIFF, WEBP), in colours, grey or transparent, of 8 to 4,096
    pixels a side; dark on bright or bright on dark. It shows one digit, which is cut out along its ink, brought
    to the size of those that the network learned from, and centred. A picture of exactly their size (8 x 8, or
    28 x 28 of MNIST) is taken as it is. A picture that cannot be read is named, and the others are told all the same.
    """
    folder = RunFolder.open(run)
    task, told = trained(folder)
    if task.predict is None:
        raise OptionError(
            "predict: the run is not one of digits", run=folder.path, recipe=told.settings.name,
            fix="a run of an image recipe",
        )  # fmt: skip
    lines, refused = task.predict(images)
    for line in lines:
        print(line)
    for complaint in refused[:-1]:
        print(f"error: {complaint}", file=sys.stderr)
    if refused:
        raise refused[-1]


def trained(folder: RunFolder, options: dict[str, Any] | None = None, *, best: bool = False) -> tuple[Task, Told]:
    """Make the training of a run, with the weights that it has learned, and give what its checkpoint tells."""
    file = folder.best if best else folder.checkpoint
    if not file.exists():
        raise OptionError(
            "run: it stopped before anything was saved", folder=folder.path, missing=file.name,
            fix=f"pullback train --resume {folder.quoted}",
        )  # fmt: skip
    saved = checkpoint.load(file)
    with checkpoint.naming(file):
        told = Told.of(saved)
    written = read_toml(folder.config) if folder.config.exists() else {}
    # What config.toml tells of this machine, which a checkpoint does not.
    machine = {name: value for name, value in written.items() if name in MACHINE}
    task = task_of(layered(told.settings.kept(), machine, options or {}))
    with checkpoint.naming(file):
        task.trainer.model.load_state_dict(saved.model)
    return task, told
