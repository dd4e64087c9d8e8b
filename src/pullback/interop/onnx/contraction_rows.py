"""How products, convolutions and windows are written in operators of ONNX."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from pullback.core.primitive import Primitive
from pullback.interop.onnx.movement_rows import END, scattered, zeros
from pullback.interop.onnx.sizes import Size
from pullback.interop.onnx.writer import Name, Rule, Site
from pullback.ops import contractions, convolutions, products, windows
from pullback.ops.movement import reshape_
from pullback.ops.windows import sliding
from pullback.programs.program import Constant


def _matmul(site: Site) -> Name:
    a, b = site.at(0, site.dtype), site.at(1, site.dtype)
    ta, tb = site.params["ta"], site.params["tb"]
    ranks = [len(site.shape_of(i)) for i in range(len(site.operands))]
    if ranks[:2] == [2, 2] and site.dtype.kind == "f" and (len(ranks) == 2 or ranks[2] <= 1):
        more = [site.at(2, site.dtype)] if len(ranks) > 2 else []
        if ta or tb or more:
            return site.op("Gemm", a, b, *more, transA=int(ta), transB=int(tb))
    a, b = (_turned(site, x, rank) if t else x for x, rank, t in ((a, ranks[0], ta), (b, ranks[1], tb)))
    product = site.op("MatMul", a, b)
    return site.op("Add", product, site.at(2, site.dtype)) if len(ranks) > 2 else product


def _matvec(site: Site) -> Name:
    a, v = site.at(0, site.dtype), site.at(1, site.dtype)
    return site.op("MatMul", *((v, a) if site.params["ta"] else (a, v)))


def _turned(site: Site, x: Name, rank: int) -> Name:
    return site.op("Transpose", x, perm=[*range(rank - 2), rank - 1, rank - 2])


def _einsum(site: Site) -> Name:
    left, right, out = (site.params[part] for part in ("left", "right", "out"))
    return site.op("Einsum", site.at(0, site.dtype), site.at(1, site.dtype), equation=f"{left},{right}->{out}")


def _places(site: Site) -> dict[str, Any]:
    """The attributes of a convolution; of a padding below 0 see `_cut`."""
    return {
        "strides": list(site.params["stride"]), "dilations": list(site.params["dilation"]),
        "pads": [max(pair[side], 0) for side in (0, 1) for pair in site.params["padding"]],
        "group": site.params["groups"],
    }  # fmt: skip


def _cut(site: Site) -> list[list[int]]:
    """What a padding below 0 leaves out of images, which no operator does: in front and behind, of each axis."""
    return [[max(-pair[side], 0) for pair in site.params["padding"]] for side in (0, 1)]


def _images(site: Site) -> Name:
    """The images, without what is left out."""
    x, (front, behind) = site.at(0, site.dtype), _cut(site)
    if not any((*front, *behind)):
        return x
    ends = (-n if n else END for n in behind)
    return site.op("Slice", x, site.ints(*front), site.ints(*ends), site.ints(*range(2, 2 + len(front))))


def _with_bias(site: Site, kind: str, x: Name, **attributes: Any) -> Name:
    """A convolution with what is added: a vector of channels goes into the operator."""
    w = site.at(1, site.dtype)
    if len(site.operands) < 3:
        return site.op(kind, x, w, **attributes)
    bias = site.operands[2]
    maker = None if isinstance(bias, Constant) else site.writer.makers.get(bias)
    shape, rank = site.shape_of(2), len(site.shape)
    if len(shape) == rank - 1 and set(shape[1:]) <= {1} and maker is not None and maker.primitive is reshape_:
        (vector,) = maker.operands
        if not isinstance(vector, Constant) and vector.shape == shape[:1]:
            return site.op(kind, x, w, site.writer.of(vector, site.line, site.dtype), **attributes)
    return site.op("Add", site.op(kind, x, w, **attributes), site.at(2, site.dtype))


def _conv(site: Site) -> Name:
    return _with_bias(site, "Conv", _images(site), **_places(site))


def _conv_input(site: Site) -> Name:
    """A transposed convolution; what its shape leaves open is said by `output_padding`."""
    places = _places(site)
    size = site.known(site.params["size"], "the size of the images")
    kernel, counts = site.shape_of(1)[2:], site.known(site.shape_of(0)[2:], "the size of what comes in")
    extra = []
    for i, (n, k, count) in enumerate(zip(size, kernel, counts, strict=True)):
        low, high = site.params["padding"][i]
        reach = (count - 1) * places["strides"][i] + places["dilations"][i] * (k - 1) + 1 - low - high
        extra.append(n - reach)
    x, (front, behind) = site.at(0, site.dtype), _cut(site)
    if not any((*front, *behind)):
        return _with_bias(site, "ConvTranspose", x, output_padding=extra, **places)
    made = site.op("ConvTranspose", x, site.at(1, site.dtype), output_padding=extra, **places)
    made = site.op("Pad", made, site.ints(0, 0, *front, 0, 0, *behind))
    return site.op("Add", made, site.at(2, site.dtype)) if len(site.operands) > 2 else made


def _conv_weight(site: Site) -> Name:
    """A convolution of images with what was made of them: batch and channels change places.

    Of images in g groups, the batch of each group is a group of channels.
    """
    places = _places(site)
    rank, groups = len(site.shape), places["group"]
    swap = [1, 0, *range(2, rank)]
    x, y = _images(site), site.op("Transpose", site.at(1, site.dtype), perm=swap)
    if groups == 1:
        x = site.op("Transpose", x, perm=swap)
    else:
        channels = site.shape[1]
        sizes = [
            n - front - behind for n, front, behind in zip(
                site.known(site.shape_of(0)[2:], "the size of the images"), *_cut(site), strict=True
            )
        ]  # fmt: skip
        x = site.op("Reshape", x, site.ints(-1, groups, channels, *sizes))
        x = site.op("Transpose", x, perm=[2, 1, 0, *range(3, rank + 1)])
        x = site.op("Reshape", x, site.ints(channels, -1, *sizes))
    made = site.op(
        "Conv", x, y, strides=places["dilations"], dilations=places["strides"], pads=places["pads"], group=groups
    )
    kernel = site.params["kernel"]
    zero, ends, axes = site.ints(*[0] * len(kernel)), site.ints(*kernel), site.ints(*range(2, rank))
    return site.op("Transpose", site.op("Slice", made, zero, ends, axes), perm=swap)


def _windows(site: Site) -> Name:
    """Elements by their numbers along each axis, and then the axes of the windows last."""
    x, rank = site.at(0), len(site.shape_of(0))
    p = site.params
    d = len(p["axes"])
    for axis, size, stride, hole in sorted(
        zip(p["axes"], p["sizes"], p["strides"], p["dilations"], strict=True), reverse=True
    ):  # the last axis first, so that the others stay where they are
        n = site.shape_of(0)[axis]
        if isinstance(n, Size):
            n = site.known(n, "the length of an axis with windows")
        count = (n - hole * (size - 1) - 1) // stride + 1
        places = np.arange(count)[:, None] * stride + np.arange(size) * hole
        x = site.op("Gather", x, site.writer.constant(places, np.int64), axis=axis)
    # Each axis with windows is two now: where the window is, and what in it.
    where: list[int] = []
    inside: dict[int, int] = {}
    place = 0
    for axis in range(rank):
        where.append(place)
        if axis in p["axes"]:
            place += 1
            inside[axis] = place
        place += 1
    order = [*where, *(inside[axis] for axis in p["axes"])]
    assert len(order) == rank + d
    return site.op("Transpose", x, perm=order)


def _add_windows(site: Site) -> Name:
    shape, p = site.known(site.shape, "the shape of the images"), site.params
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    places = sliding(numbers, p["axes"], p["sizes"], p["strides"], p["dilations"])
    return scattered(site, zeros(site, shape), places, site.at(0, site.dtype), shape, "add")


ROWS: Final[dict[Primitive, Rule]] = {
    products.matmul_: _matmul,
    products.matvec_: _matvec,
    contractions.einsum_: _einsum,
    convolutions.conv_: _conv,
    convolutions.conv_input_: _conv_input,
    convolutions.conv_weight_: _conv_weight,
    windows.windows_: _windows,
    windows.add_windows_: _add_windows,
}
