"""Measure training steps of one, two and four ranks, fit `pb.parallel.Cost` to them, and draw docs/pictures/ranks.svg.

`python scripts/ranks.py` needs the extra `mpi`; `mpiexec -n 2 python -m mpi4py scripts/ranks.py measure > two.json` and
the like do a part, and `python scripts/ranks.py one.json two.json four.json` the rest. What it prints is what
docs/explanations/ranks.md tells of one machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from html import escape
from pathlib import Path
from typing import Any, Final

import numpy as np

import pullback as pb
from pullback.parallel import Cost, Measured, fit_cost
from pullback.parallel.exchange import World
from pullback.parallel.launcher import launcher, settled
from pullback.training import DataParallel, Trainer
from pullback.training.recipes.images import cnn
from pullback.training.settings import Settings
from pullback.visualize.drawing import OPERATION, VARIABLE

PICTURE: Final = Path(__file__).resolve().parent.parent / "docs" / "pictures" / "ranks.svg"
RANKS: Final = (1, 2, 4)
SAMPLES: Final = (16, 64)  # of each rank
COPIES: Final = (1, 4)  # of the gradients
TRIES = 6
NETWORK: Final = {"latency": 3e-5, "byte": 2 / 1.25e9}  # 30 µs, and 10 Gbit/s of which half is reached
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 360, 56, 44, 40
LINES: Final = (
    ("#b3bac4", "as many times"),
    (VARIABLE.stroke, "weak"),
    (OPERATION.stroke, "weak, overlapped"),
    ("#006e52", "strong"),
)


def measured() -> None:
    """Time steps of the convolutional recipe's network as one of several ranks, its gradients once and several times.

    A step is the processor's time for the computation of the slowest rank, without what it waits, and the quickest of
    some exchanges: so other work on the machine, and ranks that share a core, do not count.
    """
    ranks, found = pb.parallel.size(), []
    pb.set_threads(1)
    spent, wait = [0.0], World._wait

    def waiting(*args: Any, **more: Any) -> None:
        began = time.process_time()
        wait(*args, **more)
        spent[0] += time.process_time() - began

    World._wait = waiting  # type: ignore[method-assign]  # to know it
    for samples in SAMPLES:
        model = cnn(Settings(dropout=0.0)).trainer.model
        rule = pb.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        trainer = Trainer(model, pb.nn.CrossEntropyLoss(), rule, parallel=DataParallel())
        rng = np.random.default_rng(0)
        batch = rng.normal(size=(samples * ranks, 28, 28)).astype(np.float32), rng.integers(0, 10, samples * ranks)
        times = []
        for _ in range(3 + TRIES):
            began, spent[0] = time.process_time(), 0.0
            trainer.learn([batch])
            times.append(time.process_time() - began - spent[0])
        times = times[3:]
        for copies in COPIES:
            gradients = [pb.tensor(p.numpy()) for p in model.parameters()] * copies
            exchanges = []
            for _ in range(5 * TRIES):
                pb.parallel.barrier()
                clock = time.perf_counter()
                pb.parallel.all_reduce(gradients, "sum")
                exchanges.append(time.perf_counter() - clock)
            own, exchange = pb.parallel.all_reduce((min(times), min(exchanges)), "max")
            size = copies * sum(p.size * p.dtype.itemsize for p in model.parameters())
            seconds = float(own) + (float(exchange) if ranks > 1 else 0.0)
            found.append([ranks, samples, size, seconds, np.std(times) / np.mean(times)])
    if pb.parallel.rank() == 0:
        print(json.dumps(found))


def told(ranks: int) -> str:
    """What so many ranks print that measure themselves."""
    command = [launcher(), "-n", str(ranks), sys.executable, "-m", "mpi4py", __file__, "measure"]
    environment = {**settled(), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def main(files: list[str]) -> None:
    """Measure, or read what was measured before; fit, print, draw."""
    texts = [Path(name).read_text(encoding="utf-8") for name in files] or [told(ranks) for ranks in RANKS]
    found = [row for text in texts for row in json.loads(text.strip().splitlines()[-1])]
    rows, spreads = [Measured(*row[:4]) for row in found], [row[4] for row in found]
    cost = fit_cost(rows, spread=float(np.median(spreads)))
    print(cost)
    for row in rows:
        modelled = cost.seconds(row.ranks, row.samples, row.size)
        print(f"{row.ranks} ranks, {row.samples} samples each, {row.size / 1e6:.1f} MB: "
              f"{row.seconds * 1e3:.1f} ms, the model {modelled * 1e3:.1f} ms")  # fmt: skip
    alone = {(row.samples, row.size): row.seconds for row in rows if row.ranks == 1}
    for row in rows:
        if row.ranks == 2:
            print(f"weak scaling to 2 ranks, {row.samples} samples: {2 * alone[row[1:3]] / row.seconds:.2f}")
    away = cost._replace(**NETWORK)
    for ranks in (2, 8, 64, 1000):
        paper, tried = away.seconds(ranks, 64, rows[0].size), away.simulated(ranks, 64, rows[0].size, steps=20, rng=0)
        print(f"{ranks} machines: {paper * 1e3:.1f} ms on paper, {tried * 1e3:.1f} ms simulated; strong scaling of 256 "
              f"{away.speedup(ranks, 256, rows[0].size, weak=False):.1f}")  # fmt: skip
    print("a batch of 256 is done soonest by", away.best(256, rows[0].size))
    drawn(away, rows[0].size)


def drawn(cost: Cost, size: float) -> None:
    """The samples a second of many machines over those of one, on logarithmic axes."""
    ranks = np.unique(np.geomspace(1, 1000, 60).astype(int))
    curves = (
        [float(p) for p in ranks],
        [cost.speedup(int(p), 64, size) for p in ranks],
        [cost.speedup(int(p), 64, size, overlap=0.6) for p in ranks],
        [cost.speedup(int(p), 256, size, weak=False) for p in ranks if p <= 256],
    )

    def at(x: float, y: float) -> str:
        across, down = (np.log10(max(v, 1e-9)) / 3 for v in (x, y))
        return f"{LEFT + across * (WIDTH - LEFT - 170):.1f},{HEIGHT - BOTTOM - down * (HEIGHT - BOTTOM - TOP):.1f}"

    parts = [f'<text x="{LEFT}" y="24" font-weight="650">Samples a second, over those of one machine</text>']
    for tick in (1, 10, 100, 1000):
        (x, low), (left, y) = at(tick, 1).split(","), at(1, tick).split(",")
        parts.append(f'<path d="M{x},{low}V{TOP}M{left},{y}H{WIDTH - 170}" stroke="#b3bac4" stroke-width=".5"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick}</text>')
        parts.append(f'<text x="{LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{tick}</text>')
    for (colour, name), ys in zip(LINES, curves, strict=True):
        points = [at(float(p), max(y, 1.0)) for p, y in zip(ranks, ys, strict=False)]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = points[-1].split(",")
        down = 10 if name == "weak" else 2  # apart from the curve above, which ends near it
        said = f'<text x="{float(x) + 6:.1f}" y="{float(y) + down:.1f}" style="fill:{colour}">{escape(name)}</text>'
        parts.append(said)
    parts.append(f'<text x="{(WIDTH - 170 + LEFT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">machines</text>')
    box = f"0 0 {WIDTH} {HEIGHT}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="12">'
    style = "<style>text{fill:#1c2128}@media(prefers-color-scheme:dark){text{fill:#d8dee6}}</style>"
    PICTURE.write_text("\n".join([head, style, *parts, "</svg>", ""]), encoding="utf-8")


if __name__ == "__main__":
    measured() if sys.argv[1:] == ["measure"] else main(sys.argv[1:])
