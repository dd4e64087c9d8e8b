"""The player: a page in which a real computation runs forward and backward, and can be changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, Final, final

from pullback.core.errors import GraphError, OptionError
from pullback.core.modes import ModeContext
from pullback.visualize.document import document
from pullback.visualize.pages import PAGE, assembled
from pullback.visualize.picture import write_whole
from pullback.visualize.tape import Tape

_STYLES: Final = ("palette.css", "style.css")
_SCRIPTS: Final = (
    "arrays.js", "kernels.js", "program.js", "run.js", "elements.js", "pictures.js", "camera.js", "stage.js",
    "panel.js", "player.js",
)  # fmt: skip
_HEIGHT: Final = 680  # in a notebook


@final
class Player:
    """A finished player: one HTML page, which needs nothing else; a notebook shows it.

    Attributes
    ----------
    said : str
        What is in it, in a line.

    >>> import pullback as pb
    >>> player = pb.record_player(lambda: pb.grad(lambda x: x * x)(3.0))
    >>> str(player)[:15]
    '<!doctype html>'
    """

    __slots__ = ("_html", "said")

    def __init__(self, tapes: list[Tape], title: str) -> None:
        data, blob = document(tapes, title)
        steps = sum(event[0] != "walk" for frame in data["frames"] for event in frame["events"])
        values = sum(len(graph["values"]) for graph in data["graphs"])
        self._html = assembled(
            PAGE / "page.html", [PAGE / name for name in _STYLES], [PAGE / name for name in _SCRIPTS], title, data, blob
        )
        runs = f", {len(tapes)} runs" if len(tapes) > 1 else ""
        self.said: Final = f"{title}: {values:,} values, {steps:,} steps{runs}"

    def __str__(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return f"<Player of {self.said}; save('page.html') writes it>"

    def _repr_html_(self) -> str:
        frame = f'width="100%" height="{_HEIGHT}" style="border:0;border-radius:10px" sandbox="allow-scripts"'
        return f'<iframe title="{escape(self.said)}" {frame} srcdoc="{escape(self._html)}"></iframe>'

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to a file whose name ends in .html, whole or not at all, and give its path.

        Raises
        ------
        OptionError
            When the name has another ending.
        """
        target = Path(path)
        if target.suffix.lower() not in (".html", ".htm"):
            raise OptionError("play: a player is a page", got=target.name, fix="end the name in .html")
        return write_whole(target, self._html)


def record_player(step: Callable[..., Any], *args: Any, times: int = 1, title: str | None = None) -> Player:
    """Run `step(*args)` in the ordinary way, `times` times, and make a player of what it did.

    All operations on tensors, and what `backward`, `grad` or `jvp` made of them; where parameters are others at the end
    of a run, as after an optimizer's step, that is shown as the last act.

    Parameters
    ----------
    step : callable
        A training step, or any function that computes with tensors. A compiled one runs as it is written.
    *args
        Given to it each time.
    times : int
        How many runs follow one another.
    title : str, optional
        Of the page; else the name of the function.

    Returns
    -------
    Player
        `save("page.html")` writes it; a notebook shows it.

    Raises
    ------
    GraphError
        If it did nothing with tensors that require gradients.
    OptionError
        If `times` is not a whole number from 1 to 100.

    >>> import pullback as pb
    >>> w = pb.tensor(1.0, requires_grad=True, name="w")
    >>> optimizer = pb.optim.SGD([w], lr=0.1)
    >>> def step():
    ...     loss = (w * 2.0 - 6.0) ** 2
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    >>> pb.record_player(step, times=3)
    <Player of step: 7 values, 24 steps, 3 runs; save('page.html') writes it>
    """
    if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= 100:
        raise OptionError("record_player: times is a whole number from 1 to 100", got=times)
    name = str(getattr(step, "__name__", type(step).__name__))
    tapes = []
    for _ in range(times):
        tape = Tape()
        with ModeContext(observer=tape):
            step(*args)
        if not any(value.tracked for value in tape.values):
            raise GraphError(
                "record_player: nothing was recorded", got=name,
                fix="compute from tensors made with requires_grad=True, outside no_grad",
            )  # fmt: skip
        tapes.append(tape.finish())
    return Player(tapes, title or name)
