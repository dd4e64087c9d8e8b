"""Optimizer state that is shared out among the ranks, each of which keeps a part (ZeRO-1, Rajbhandari et al. 2020).

Each parameter has an owner, which alone keeps what the optimizer does for it, makes its step, and gives the result to
the others. What each rank learns is the same to the bit as where all keep all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

import numpy as np

from pullback.core.errors import OptionError
from pullback.core.modes import no_grad
from pullback.core.outputs import outputs_of
from pullback.optim import Optimizer
from pullback.parallel.collectives import owned_
from pullback.parallel.exchange import World
from pullback.tensors import Tensor
from pullback.training.checkpoint import Checkpoint, of_optimizers, optimizer_states


@final
class Shards:
    """Who owns which parameter, of one rank among several.

    Parameters
    ----------
    everybody : World
        The ranks.
    optimizers : mapping of str to Optimizer
        Whose states are shared out.
    timeout : float
        Seconds that one rank may be later than another.

    Raises
    ------
    OptionError
        If an optimizer looks at all parameters at once, as LBFGS does.
    """

    def __init__(self, everybody: World, optimizers: Mapping[str, Optimizer], timeout: float) -> None:
        self._world, self._optimizers, self._timeout = everybody, optimizers, timeout
        for optimizer in optimizers.values():
            if type(optimizer).step is not Optimizer.step:
                raise OptionError(
                    "DataParallel: the state of this optimizer cannot be shared out", got=type(optimizer).__name__,
                    fix="shard=False",
                )  # fmt: skip
        self.owners = owners((p.size for p in self._params()), everybody.size)
        rest = iter(self.owners)
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                mine = [next(rest) == everybody.rank for _ in group.params]
                group.hand_over(place for place, own in enumerate(mine) if not own)

    def _params(self) -> list[Tensor]:
        return [p for o in self._optimizers.values() for group in o.param_groups for p in group.params]

    def spread(self) -> None:
        """After a step: each parameter becomes what its owner made of it."""
        params = self._params()
        with no_grad():
            values = outputs_of(owned_(*params, owners=self.owners, timeout=self._timeout))
            for p, value, owner in zip(params, values, self.owners, strict=True):
                if owner != self._world.rank:
                    p.assign(value)

    def whole(self, state: Checkpoint) -> Checkpoint:
        """A state with the parts of all ranks; all of them ask for it at once."""
        found = optimizer_states(state.rest)
        for name in self._optimizers:
            mine = found[name]["state"]
            told = self._world.texts("\n".join(_line(*item) for item in mine.items()), "train: saving", self._timeout)
            whole: dict[str, Any] = {}
            for rank, text in enumerate(told):
                rows = [line.split("\t") for line in text.splitlines()]
                arrays = [mine[key] if rank == self._world.rank else _blank(dtype, shape) for key, dtype, shape in rows]
                parts = self._world.spread(arrays, rank, "train: saving", (), self._timeout)
                whole |= dict(zip((row[0] for row in rows), parts, strict=True))
            order = sorted(whole, key=lambda key: (int(key.partition(".")[0]), key))
            found[name] = {**found[name], "state": {key: whole[key] for key in order}}
        return Checkpoint(state.model, {**state.rest, "optimizer": of_optimizers(found)})


def owners(sizes: Iterable[int], ranks: int) -> tuple[int, ...]:
    """Which rank owns which parameter: the largest first, each to the rank that has least.

    >>> owners([10, 3, 4, 6], 2)
    (0, 0, 1, 1)
    """
    counted = list(sizes)
    has, found = [0] * ranks, [0] * len(counted)
    for place in sorted(range(len(counted)), key=lambda place: -counted[place]):
        found[place] = min(range(ranks), key=has.__getitem__)
        has[found[place]] += counted[place]
    return tuple(found)


def _line(key: str, array: Any) -> str:
    return f"{key}\t{array.dtype.str}\t{','.join(map(str, array.shape))}"


def _blank(dtype: str, shape: str) -> Any:
    return np.empty(tuple(map(int, shape.split(","))) if shape else (), dtype)
