"""Seeded orders of data: each a pure function of a seed and a key.

Keys are the raw words of PCG64, which NumPy promises never to change (NEP 19), and not a
`Generator.permutation`, whose algorithm it may change: so an order is the same on every machine and with
every release of NumPy, and a run can be resumed anywhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pullback.core.errors import OptionError
from pullback.functions.random import Rng, generator

# The first word of the key says what the order is for, so that one seed gives unrelated orders to each use.
EPOCH: Final = 0x65706F63
SPLIT: Final = 0x73706C69
DRAW: Final = 0x64726177
BUCKET: Final = 0x6275636B
WORKER: Final = 0x776F726B
SAMPLE: Final = 0x73616D70


def permutation(size: int, seed: int, *key: int) -> npt.NDArray[np.intp]:
    """Return the integers 0 … size - 1 in the order that `seed` and `key` alone decide."""
    return np.argsort(_words(size, seed, key), kind="stable").astype(np.intp, copy=False)


def uniforms(size: int, seed: int, *key: int) -> npt.NDArray[np.float64]:
    """Return numbers in [0, 1) that `seed` and `key` alone decide."""
    drawn: npt.NDArray[np.float64] = (_words(size, seed, key) >> np.uint64(11)) * np.float64(2.0**-53)
    return drawn


def _words(size: int, seed: int, key: tuple[int, ...]) -> npt.NDArray[np.uint64]:
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)).random_raw(size)


def seed_of(rng: Rng) -> int:
    """Return the seed that `rng` stands for: itself, or one draw of a generator; None is the default one."""
    if not isinstance(rng, (int, np.integer)) or isinstance(rng, bool):
        return int(generator(rng).integers(2**63))
    if rng < 0:
        raise OptionError("rng: a seed is negative", got=rng, fix="an integer of at least 0")
    return int(rng)
