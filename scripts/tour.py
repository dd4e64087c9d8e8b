"""A tour of an installed Pullback in a second: derivatives, a network that learns, a compiled step, the command.

`scripts/wheel` takes it where nothing but the wheel is installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import numpy as np

import pullback as pb


def main() -> None:
    """Take it; an assertion says what is wrong."""
    found = pb.grad(lambda x, y: np.sin(x**y) + x * y, argnums=(0, 1))(0.5, 2.0)
    assert np.allclose([float(x) for x in found], [np.cos(0.25) + 2, np.cos(0.25) * 0.25 * np.log(0.5) + 0.5])
    data = pb.data.digits()
    model = pb.nn.MLP(64, 16, 10, rng=0)
    criterion, optimizer = pb.nn.CrossEntropyLoss(), pb.optim.Adam(model.parameters(), lr=0.01)

    @pb.compile
    def step(images, labels):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as users write
        loss = criterion(model(images.reshape(-1, 64)), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    losses = [float(step(*batch)) for batch in pb.data.DataLoader(data.train, batch_size=32, rng=0)]
    assert losses[-2] < losses[0] / 2, losses
    with tempfile.TemporaryDirectory() as folder:
        assert step.to_c(Path(folder) / "step.c").exists()
        pb.interop.safetensors.save(Path(folder) / "model.safetensors", model.state_dict())
        with pb.profile() as profile:
            step(*next(iter(pb.data.DataLoader(data.train, batch_size=32))))
        assert profile.save(Path(folder) / "profile.html").stat().st_size > 10_000
    command = [sys.executable, "-m", "pullback", "grad", "x**2", "x=3"]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
    assert "gradient  x  6" in told, told
    installed = sorted(d.metadata["Name"].lower() for d in distributions())
    native = "llvmlite" in installed
    assert ("by NumPy: llvmlite is not installed" in str(step.explain())) is not native, step.explain()
    print(f"tour: all good, {'native code' if native else 'without native code'}; {', '.join(installed)}")


if __name__ == "__main__":
    main()
