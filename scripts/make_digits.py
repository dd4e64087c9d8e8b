"""Write the digits that come with Pullback, from scikit-learn's copy of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from pullback.data import write_idx

FOLDER = Path(__file__).resolve().parents[1] / "src" / "pullback" / "data" / "optdigits"


def main() -> None:
    """Write both files; the same bytes each time."""
    source = load_digits()
    images, labels = source.images.astype(np.uint8), source.target.astype(np.uint8)
    assert np.array_equal(images, source.images), "a pixel is not a whole number"
    for name, array in {"images-idx3-ubyte.gz": images, "labels-idx1-ubyte.gz": labels}.items():
        write_idx(FOLDER / name, array)
        print(f"{FOLDER / name}  {array.shape}  {(FOLDER / name).stat().st_size} bytes")


if __name__ == "__main__":
    main()
