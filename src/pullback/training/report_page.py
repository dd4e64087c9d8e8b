"""`report.html`: what came of a run, or of several, on one page that needs no network."""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from pullback.interop.atomic import write_atomically
from pullback.training.evaluation import Evaluation
from pullback.training.looking import QUANTILES, Sample, read_samples
from pullback.training.measurements import Measurement
from pullback.training.run_folder import RunFolder

NAME: Final = "report.html"
_HERE: Final = Path(__file__).parent / "page"
_MOST: Final = 1_500  # points of a curve
_PICTURES: Final = 24  # of mistakes, and half as many that are right
_SPREADS: Final = ("weight", "gradient")


class Pictures(NamedTuple):
    """Images that a network was tested on, what it said about them, and what the classes are called."""

    images: Any
    evaluation: Evaluation
    classes: Sequence[str]


class Shown(NamedTuple):
    """A run among others: its name, how far it is, and what was measured."""

    name: str
    step: str
    rows: Sequence[Measurement]


def write_report(folder: RunFolder, rows: Sequence[Measurement], pictures: Pictures | None = None) -> Path:
    """Write the page of a run into its folder, and give its path.

    Raises OSError if it cannot be written.
    """
    page = run_page(folder.path.name, rows, _settings(folder), read_samples(folder.samples), pictures)
    return write_atomically(folder.path / NAME, page.encode())


def run_page(
    name: str, rows: Sequence[Measurement], settings: str = "", samples: Sequence[Sample] = (),
    pictures: Pictures | None = None, refresh: float | None = None,
) -> str:  # fmt: skip
    """The page of one run; one that is to `refresh` looks again after so many seconds."""
    series = _series(rows)
    data: dict[str, Any] = {
        "summary": _summary(rows),
        "runs": [{"name": name, "step": "", "curves": _curves(series)}],
        "spreads": {split: _spread(series, split) for split in _SPREADS},
        "dead": _of(series, "dead"), "rates": _of(series, "rate"),
        "samples": [sample._asdict() for sample in samples], "settings": settings, "refresh": refresh,
    }  # fmt: skip
    if pictures is not None:
        data["confusion"] = {
            "counts": pictures.evaluation.confusion.tolist(), "classes": list(map(str, pictures.classes))
        }  # fmt: skip
        data["pictures"] = _pictures(pictures)
    return _page(name, data)


def runs_page(runs: Sequence[Shown]) -> str:
    """The page of several runs: their curves in the same charts."""
    shown = [{"name": run.name, "step": run.step, "curves": _curves(_series(run.rows))} for run in runs]
    return _page(f"{len(runs)} runs", {"summary": "", "runs": shown})


def _page(title: str, data: Mapping[str, Any]) -> str:
    from pullback.visualize.pages import PAGE, assembled  # loaded when a page is made, not with every training

    styles = [PAGE / "palette.css", _HERE / "report.css"]
    return assembled(_HERE / "report.html", styles, [PAGE / "elements.js", _HERE / "report.js"], title, data)


_Series = dict[tuple[str, str], tuple[list[int], list[float | None]]]


def _series(rows: Iterable[Measurement]) -> _Series:
    """Steps and values of each measurement; None stands for what is not finite."""
    found: _Series = {}
    for row in rows:
        steps, values = found.setdefault((row.split, row.name), ([], []))
        steps.append(row.step)
        values.append(float(f"{row.value:.6g}") if math.isfinite(row.value) else None)
    return {key: _thinned(*pair) for key, pair in found.items()}


def _thinned(steps: list[int], values: list[float | None]) -> tuple[list[int], list[float | None]]:
    """At most so many points; the last one, and what is not finite, stay."""
    every = -(-len(steps) // _MOST)
    kept = [i for i in range(len(steps)) if i % every == 0 or i == len(steps) - 1 or values[i] is None][-2 * _MOST :]
    return [steps[i] for i in kept], [values[i] for i in kept]


def _curves(series: _Series) -> dict[str, Any]:
    hidden = (*_SPREADS, "dead", "rate", "update")
    return {f"{split} {name}": pair for (split, name), pair in series.items() if split not in hidden}


def _of(series: _Series, split: str) -> dict[str, Any]:
    return {name: pair for (part, name), pair in series.items() if part == split}


def _spread(series: _Series, split: str) -> dict[str, Any]:
    """By parameter, the steps, and its quantiles after each."""
    names = [m[1] for part, name in series if part == split and (m := re.fullmatch(r"(.*) 0%", name))]
    found = {}
    for name in names:
        columns = [series.get((split, f"{name} {percent}%")) for percent in QUANTILES]
        steps = series[split, f"{name} 0%"][0]
        if all(column is not None and column[0] == steps for column in columns):
            found[name] = [steps, list(zip(*(column[1] for column in columns if column), strict=True))]
    return found


def _pictures(given: Pictures) -> dict[str, Any]:
    evaluation = given.evaluation
    wrong = evaluation.mistakes()[:_PICTURES]
    right = np.flatnonzero(evaluation.predictions == evaluation.labels)
    right = right[np.argsort(-evaluation.losses[right], kind="stable")][: _PICTURES // 2]
    size = np.shape(given.images)[-2:]

    def one(place: int) -> dict[str, Any]:
        taken = int(evaluation.predictions[place])
        pixels = np.clip(np.asarray(given.images[place], float).reshape(size) * 255, 0, 255).round().astype(np.uint8)
        return {
            "pixels": base64.b64encode(pixels.tobytes()).decode(), "is": str(given.classes[evaluation.labels[place]]),
            "taken": str(given.classes[taken]), "sure": round(float(evaluation.probabilities[place, taken]), 4),
        }  # fmt: skip

    return {"size": list(size), "worst": [one(i) for i in wrong.tolist()], "right": [one(i) for i in right.tolist()]}


def _summary(rows: Sequence[Measurement]) -> str:
    last = {f"{row.split} {row.name}": row for row in rows if row.split in ("train", "test")}
    parts = [f"{name} {row.value:.4g}" for name, row in last.items()]
    return "; ".join([f"{rows[-1].step:,} steps in {rows[-1].time:.1f} s", *parts]) if rows else "nothing was measured"


def _settings(folder: RunFolder) -> str:
    return folder.config.read_text(encoding="utf-8", errors="replace") if folder.config.is_file() else ""
