"""Data-parallel training: each rank learns from its part of each batch, and gradients are averaged over the ranks.

All ranks begin with the weights of rank 0, have the same batches, and take the same steps, so their weights stay the
same to the bit: a checkpoint of rank 0 is one of all, and a run goes on with any number of ranks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, final

import numpy as np

from pullback.core.errors import DataError, OptionError, ParallelError
from pullback.core.modes import no_grad
from pullback.core.numbers import checked_number
from pullback.core.tree import tree_map
from pullback.parallel import all_reduce, broadcast
from pullback.parallel.world import TIMEOUT, world
from pullback.tensors import Tensor
from pullback.tensors.backward import gradients_of
from pullback.training.checkpoint import Checkpoint
from pullback.training.shards import Shards
from pullback.training.step import samples_in
from pullback.training.survival import Survival

if TYPE_CHECKING:
    from pullback.training.loop import Loop
    from pullback.training.trainer import Trainer


@final
class DataParallel:
    """Training on all the processes that were started together; in a process that is alone it changes nothing.

    Of each batch the ranks have about equal parts, one after the other, so what a rank learns from is a function of
    the seed, the epoch and its rank alone. The gradient of a batch of N samples is Σ (Nᵣ / N) gᵣ, where rank r has
    Nᵣ samples with the gradient gᵣ: that of one process, but for rounding, where the loss is a mean over samples and
    the model treats each by itself. Running means, as of batch normalization, are averaged over the ranks in each step.
    Each rank draws random numbers, as for dropout, of its own.

    A step of one's own is given the part of its rank, and averages its gradients itself, by
    `pb.parallel.all_reduce`.

    Parameters
    ----------
    timeout : float
        Seconds that one rank may be later than another: more than a checkpoint takes, or a slow batch.
    survive : bool
        Go on without a rank whose process or machine dies, from the step before, as `mpiexec --with-ft ulfm` allows:
        the others divide its part among them. Each step keeps a copy of the state for that.
    shard : bool
        Share out the state of the optimizers, so that each rank keeps 1/n of it and makes that part of the step.

    Raises
    ------
    OptionError
        If several ranks were started, and MPI is missing; or of `survive` and `shard` both are asked for: what a rank
        that died kept alone is lost.

    >>> parallel = DataParallel()
    >>> parallel.rank, parallel.size
    (0, 1)
    """

    def __init__(self, *, timeout: float = TIMEOUT, survive: bool = False, shard: bool = False) -> None:
        if survive and shard:
            raise OptionError("DataParallel: what a rank kept alone dies with it", survive=True, shard=True, fix="one")
        self.timeout = checked_number("DataParallel", "timeout", timeout, 0)
        self._world = world()
        self._survival = Survival(self._world, self.timeout) if survive else None
        self._shard = shard
        self._shards: Shards | None = None

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return self._world.rank

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self._world.size

    def part(self, batch: Any) -> tuple[Any, float]:
        """What this rank has of a batch, and which share of its samples that is.

        A rank for which nothing is left has a sample whose share is 0.
        """
        samples = samples_in(batch)
        first, last = (samples * rank // self.size for rank in (self.rank, self.rank + 1))
        share = (last - first) / samples
        last = max(last, first + 1)

        def rows(array: Any) -> Any:
            shape = getattr(array, "shape", ())
            if shape and shape[0] != samples:
                raise DataError(
                    "train: an array of a batch cannot be parted among ranks", shape=shape, samples=samples,
                    fix="samples along the first axis of each array",
                )  # fmt: skip
            return array[first:last] if shape else array

        return tree_map(rows, batch), share

    def average(self, learned: Sequence[Tensor], kept: Sequence[Tensor]) -> None:
        """Add up the gradients of all ranks, which are theirs times their share; and take the mean of what is kept."""
        pairs = [(leaf, g) for leaf, g in zip(learned, gradients_of(learned), strict=True) if g is not None]
        means = [buffer for buffer in kept if buffer.dtype.kind in "fc"]
        with no_grad():
            summands = [g for _, g in pairs], [buffer * (1 / self.size) for buffer in means]
            sums, averages = all_reduce(summands, "sum", timeout=self.timeout)
            for (leaf, _), total in zip(pairs, sums, strict=True):
                leaf.grad = total
            for buffer, mean in zip(means, averages, strict=True):
                buffer.assign(mean)

    def updated(self) -> None:
        """After a step of the optimizers: all have what each made."""
        if self._shards is not None:
            self._shards.spread()

    @property
    def shares_state(self) -> bool:
        """Whether the optimizers keep a part of their state only."""
        return self._shards is not None

    def whole(self, state: Checkpoint) -> Checkpoint:
        """A state as one process would have it; all ranks ask for it at once."""
        return state if self._shards is None else self._shards.whole(state)

    def begin(self, loop: Loop) -> None:
        """Begin as rank 0 does, once the ranks are known to do the same."""
        trainer = loop.trainer
        state = trainer.checkpoint()
        seed = getattr(loop.feed.loader, "seed", None)
        facts = {"step": trainer.step, "epoch": trainer.epoch, "batch": trainer.batch, "last step": loop.last,
                 "batches": loop.feed.length, "accumulate": trainer.accumulate, "seed of the data": seed}  # fmt: skip
        facts |= {name: f"{array.dtype.str} {array.shape}" for name, array in state.model.items()}
        self._world.agree("train", facts, self.timeout)
        loop.place = self._text("" if loop.folder is None else str(loop.folder.path.absolute()))
        generators = self._text(json.dumps(state.rest["generators"], default=_listed))
        with no_grad():
            tensors = [*trainer.model.parameters(), *trainer.model.buffers()]
            for tensor, value in zip(tensors, broadcast(tensors, timeout=self.timeout), strict=True):
                tensor.assign(value)
        for name, kept in json.loads(generators).items():
            trainer.generators()[name].bit_generator.state = kept
        if self._shard and self._shards is None:
            self._shards = Shards(self._world, trainer.optimizers, self.timeout)

    def _text(self, text: str) -> str:
        """A text of rank 0."""
        return self._world.texts(text, "train", self.timeout)[0]

    @contextmanager
    def drawing(self, trainer: Trainer) -> Iterator[None]:
        """Let each rank draw numbers of its own within a step, of which the next step does not depend.

        A generator moves on by one word, and what is drawn from it here is a function of that word and the rank.
        """
        after = {}
        for name, generator in trainer.generators().items():
            bits = generator.bit_generator
            seed = np.random.SeedSequence(int(bits.random_raw()), spawn_key=(self.rank,))
            after[name] = bits.state
            bits.state = type(bits)(seed).state
        try:
            yield
        finally:
            for name, generator in trainer.generators().items():
                generator.bit_generator.state = after[name]

    def learn(self, loop: Loop, batches: list[Any]) -> tuple[float, list[Any]]:
        """Take one step of the loop."""
        return loop.trainer.learn(batches) if self._survival is None else self._survival.learn(loop, batches)

    def agree(self, step: int, batches: Sequence[Any]) -> None:
        """Raise ParallelError unless all ranks are to take the same step, from batches of the same sizes."""
        self._world.agree("train", {"step": step, "samples": [*map(samples_in, batches)]}, self.timeout)

    def loss(self, part: float) -> float:
        """The loss of the whole batch, of which a part is given."""
        return float(all_reduce(np.float64(part), "sum", timeout=self.timeout).item())

    def meet(self, loop: Loop, asked: bool, late: bool) -> tuple[bool, bool]:
        """After a step: whether a rank was asked to stop, and whether one finds it time to save; then all do it.

        Where the callbacks of one rank end the run, it ends on all.
        """
        wants = np.array([asked, late, bool(loop.history.reason)], np.int8)
        try:
            found = all_reduce(wants, "max", timeout=self.timeout).tolist()
            if any(found):
                self.check(loop.trainer)
        except ParallelError:
            if self._goes_on(loop):
                return False, False  # and whoever has a wish has it still after the next step
            raise
        asked, late, over = map(bool, found)
        if over and not loop.history.reason:
            loop.history.reason = "another rank stopped"
        return asked, late

    def end(self, loop: Loop) -> None:
        """Save what all ranks have come to; none leaves before that is done."""
        while True:
            try:
                self.check(loop.trainer)
                loop.save()
                self._world.agree("train: the end", {}, self.timeout)
                return
            except ParallelError:
                if not self._goes_on(loop):
                    raise

    def _goes_on(self, loop: Loop) -> bool:
        """Go on from where this rank stands, if another was lost after the step; whether that was so."""
        if self._survival is None or not self._world.lost:
            return False
        self._survival.keep(loop.trainer)
        self._survival.go_on(loop)
        return True

    def check(self, trainer: Trainer) -> None:
        """Raise ParallelError where the weights of the ranks are no longer the same."""
        hashed = {name: blake2b(x.tobytes()).hexdigest() for name, x in _arrays(trainer.model.state_dict())}
        self._world.agree("train: the weights", hashed, self.timeout)


def _arrays(state: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, x.numpy() if isinstance(x, Tensor) else np.asarray(x)) for name, x in state.items())


def _listed(value: Any) -> Any:
    """What JSON is told of the arrays in the state of a generator, such as Philox's and MT19937's."""
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
