"""Files of other formats, told by how they begin, and what to do with each: nothing is ever unpickled here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Foreign(NamedTuple):
    """What a file is, and how its arrays come in."""

    what: str
    fix: str


_PYTORCH: Final = Foreign(
    "a PyTorch pickle, which could run any code as it is read",
    "where PyTorch is installed, once: from safetensors.torch import save_file; "
    "save_file(torch.load('x.pt', weights_only=True), 'x.safetensors')",
)
_ARCHIVE: Final = Foreign("an archive of PyTorch's", "arrays = pb.interop.load_torch('x.pt'), which runs no code of it")
_NPZ: Final = Foreign("an archive of NumPy's", "arrays = np.load('x.npz')")
_ZIP: Final = Foreign("a zip archive", "unpack it first")

_BEGINS: Final[Mapping[bytes, Foreign]] = {
    **{bytes([0x80, protocol, letter]): _PYTORCH for protocol in range(2, 6) for letter in b"\x8a}c(].\x95"},
    b"\x93NUMPY": Foreign("an array of NumPy's", "array = np.load('x.npy')"),
    b"\x89HDF\r\n": Foreign("an HDF5 file, as Keras writes them", "read it with h5py, and save its arrays"),
    b"GGUF": Foreign("a GGUF file", "take the safetensors file of the same model"),
    b"\x1f\x8b": Foreign("compressed with gzip", "decompress it first"),
    b"version https://git-lfs": Foreign("a pointer of Git LFS, and not the file itself", "git lfs pull"),
}


def foreign(start: bytes) -> Foreign | None:
    """What the file is that begins so, or None if it is of no other format that is known.

    >>> foreign(bytes([0x50, 0x4B, 3, 4]) + bytes(26) + b"model/data.pkl").what
    "an archive of PyTorch's"
    """
    if start[8:9] == b"{":  # a length and a header: safetensors, whatever else the length looks like
        return None
    if start.startswith(b"PK\x03\x04"):
        inside = start[:512]
        return _ARCHIVE if b"/data.pkl" in inside or b"archive/" in inside else _NPZ if b".npy" in inside else _ZIP
    return next((kind for begin, kind in _BEGINS.items() if start.startswith(begin)), None)
