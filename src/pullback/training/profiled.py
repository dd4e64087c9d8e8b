"""A callback that profiles some steps of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, final

from pullback.core.numbers import checked_count
from pullback.training.callback import Callback
from pullback.training.loop import Loop

if TYPE_CHECKING:
    from pullback.profiling import Profile

PAGE: Final = "profile.html"
TRACE: Final = "trace.json"


@final
class ProfileSteps(Callback):
    """Find out where the time of some steps goes; writes `profile.html` and `trace.json` into the run's folder.

    Parameters
    ----------
    steps : int
        How many.
    skip : int
        Steps before them, in which programs are made and caches fill.

    Attributes
    ----------
    profile : Profile or None
        What was found, once it has ended.
    """

    kept: ClassVar[bool] = False

    def __init__(self, steps: int = 100, skip: int = 10) -> None:
        self.steps = checked_count("ProfileSteps", "steps", steps)
        self.skip = checked_count("ProfileSteps", "skip", skip, 0)
        self.profile: Profile | None = None
        self._done = 0
        self._running: Profile | None = None

    def before_step(self, loop: Loop) -> None:
        if self._done == self.skip and self._running is None:
            from pullback.profiling import Profile  # which most trainings never load

            self._running = Profile().__enter__()

    def after_step(self, loop: Loop, loss: float, outputs: list[Any], batches: list[Any]) -> None:
        self._done += 1
        if self._done == self.skip + self.steps:
            self.ended(loop)

    def ended(self, loop: Loop) -> None:
        if self._running is None:
            return
        self._running.__exit__(None, None, None)
        self.profile, self._running = self._running, None
        if loop.folder is not None:
            for name in (PAGE, TRACE):
                self.profile.save(Path(loop.folder.path) / name)
