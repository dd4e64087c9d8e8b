"""The MNIST recipe by the command line, start to finish, beside the same training as a script for PyTorch.

Both are new processes that read the files of $PULLBACK_DATA, take 50,000 steps of gradient descent with 784-64-10 on
batches of 32, and test the network in the end.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from contest import Step, Target, Work

work: Final = Work(
    "recipe", "pullback train --data mnist, 50,000 steps of 784-64-10, in a new process",
    Target(0.3, against="torch"), reference="torch",
)  # fmt: skip

STEPS, BATCH, HIDDEN, LR = 50_000, 32, 64, 0.01
DATA: Final = "PULLBACK_DATA"


def in_new_process(*command: str) -> None:
    """Run Python with a command line, which finds what this process finds."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)])
    subprocess.run(
        [sys.executable, *command], env={**os.environ, "PYTHONPATH": paths}, check=True, stdout=subprocess.DEVNULL
    )  # fmt: skip


@work.contestant("pullback", compared=False, optional=True)
def pullback() -> Step:
    def step() -> None:
        with tempfile.TemporaryDirectory() as folder:
            in_new_process(
                "-m", "pullback", "train", "--data", "mnist", "--data-dir", os.environ[DATA], "--hidden", str(HIDDEN),
                "--optimizer", "sgd", "--momentum", "0", "--lr", str(LR), "--batch-size", str(BATCH),
                "--steps", str(STEPS), "--out", f"{folder}/run", "--quiet",
            )  # fmt: skip

    return step


@work.contestant("torch", compared=False, optional=True)
def torch() -> Step:
    os.environ[DATA]  # what it needs, before a process is begun
    return lambda: in_new_process("-c", "from works.recipe import learn; learn()")


def read(name: str) -> np.ndarray[Any, Any]:
    """One of the four files of MNIST."""
    content = gzip.decompress((Path(os.environ[DATA]) / "mnist" / name).read_bytes())
    images = "images" in name
    return np.frombuffer(content, np.uint8, offset=16 if images else 8).reshape((-1, 784) if images else -1)


def learn() -> None:
    """The script for PyTorch."""
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    images, tested = (
        torch.from_numpy(read(f"{part}-images-idx3-ubyte.gz").astype(np.float32) / 255) for part in ("train", "t10k")
    )
    labels, truth = (
        torch.from_numpy(read(f"{part}-labels-idx1-ubyte.gz").astype(np.int64)) for part in ("train", "t10k")
    )
    model = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=LR)
    step = 0
    while step < STEPS:
        for batch in torch.randperm(len(images)).split(BATCH)[: min(len(images) // BATCH, STEPS - step)]:
            loss = criterion(model(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
    with torch.no_grad():
        print(float((model(tested).argmax(1) == truth).float().mean()), loss.item())
