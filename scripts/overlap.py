"""Measure whether pieces of the gradients, sent while others are computed, are sooner there than all at the end.

`mpiexec -n 2 python -m mpi4py scripts/overlap.py` computes products of matrices in the place of a backward pass, and
exchanges 1.7 and 6.8 MB: as `pb.parallel.all_reduce` does, by MPI at the end, and by MPI in two and three pieces that
are begun without waiting. docs/explanations/ranks.md has what it printed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from mpi4py import MPI

import pullback as pb

PRODUCTS, TRIES = 12, 100
COMM = MPI.COMM_WORLD
LEFT, RIGHT, PRODUCT = np.ones((256, 256), np.float32), np.ones((256, 256), np.float32), np.ones((256, 256), np.float32)


def compute(count: int) -> None:
    """A part of the backward pass."""
    for _ in range(count):
        np.matmul(LEFT, RIGHT, out=PRODUCT)


def pieces(numbers: np.ndarray, into: np.ndarray, count: int) -> Callable[[], None]:
    """Compute and send `count` pieces in turn, and wait for all at the end."""
    ends = [numbers.size * i // count for i in range(count + 1)]
    slices = [slice(first, last) for first, last in pairwise(ends)]

    def step() -> None:
        begun = []
        for piece in slices:
            compute(PRODUCTS // count)
            begun.append(COMM.Iallreduce(numbers[piece], into[piece]))
        MPI.Request.Waitall(begun)

    return step


def main() -> None:
    """Time all ways in turn, so that what else the machine does meets all alike; the slowest rank counts."""
    for size in (1_700_000, 6_800_000):
        numbers = np.ones(size // 4, np.float32)
        into = np.empty_like(numbers)
        ways: dict[str, Callable[[], object]] = {
            "nothing sent": lambda: compute(PRODUCTS),
            "all_reduce": lambda numbers=numbers: (compute(PRODUCTS), pb.parallel.all_reduce(numbers, "sum")),
            **{f"MPI, pieces: {count}": pieces(numbers, into, count) for count in (1, 2, 3)},
        }
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(TRIES):
            for name, way in ways.items():
                COMM.Barrier()
                began = time.perf_counter()
                way()
                times[name].append(COMM.allreduce(time.perf_counter() - began, MPI.MAX))
        if COMM.Get_rank() == 0:
            for name, found in times.items():
                least, quarter = min(found), np.quantile(found, 0.25)
                print(f"{size / 1e6} MB, {name}: {least * 1e3:.1f} ms at least, {quarter * 1e3:.1f} in a quarter")


if __name__ == "__main__":
    main()
