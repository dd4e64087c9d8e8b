"""Calls of NumPy's functions, one a line: of arrays they are NumPy's, of tensors ours, by NumPy's name and by `pb`'s.

They are written as NumPy's users write them, of the names in `NAMES`. From the rows come the tests of values, dtypes
and derivatives. What a group says of its derivatives is in `GROUPS`.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

_RNG: Final = np.random.default_rng(7)


def _apart(*shape: int) -> np.ndarray:
    """Numbers of both signs of which no two are near each other, or near 0."""
    size = int(np.prod(shape))
    signs = np.where(_RNG.random(size) < 0.4, -1.0, 1.0)
    return (signs * (0.3 + 0.23 * _RNG.permutation(size) + 0.05 * _RNG.random(size))).reshape(shape)


def after(f: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
    """What a function that writes to its first argument makes of it."""
    target = target.copy() if hasattr(target, "copy") else np.array(target)
    f(target, *args, **kwargs)
    return target


NAMES: Final[dict[str, Any]] = {
    "x": _apart(2, 3), "y": _apart(2, 3), "v": _apart(5), "w": np.array([0.7, 1.3, 0.4, 2.1, 0.9]), "p": _apart(3),
    "q": _apart(3), "A": _apart(3, 3), "c": _apart(2, 3, 2), "s": np.array(0.6),
    "r": np.array([0.2, 1.1, 1.9, 3.2, 4.6]),
    "h": np.array([[0.9, 0.4, 0.8], [0.3, 0.75, 0.55]]), "n": np.array([[1.5, np.nan, 0.7], [np.nan, 2.5, -0.4]]),
    "i": np.array([2, 0, 1]), "j": np.array([[1, 0, 2], [2, 2, 0]]),
    "b": np.array([[True, False, True], [False, True, True]]),
    "k": np.array([3, 1, 4, 1, 5]), "e": np.zeros((0, 3)), "after": after,
}  # fmt: skip

LINEAR: Final = """
np.vstack([x, y, p]) | np.vstack((p, q)) | np.hstack([x, y]) | np.hstack([p, v]) | np.dstack([x, y])
np.dstack([p, q]) | np.column_stack([p, q]) | np.column_stack([x, x]) | np.vstack([x, y], dtype=np.float32)
np.hstack([p, [1, 2]]) | np.block([[x, y], [y, x]]) | np.block([p, v]) | np.block([[A, p[:, None]], [q, s]])
np.append(x, v) | np.append(x, y, axis=1) | np.append(v, 3.0) | np.insert(v, 1, 9.0) | np.insert(v, [1, 3], w[:2])
np.insert(x, 1, 5.0, axis=1) | np.insert(x, 0, p, axis=0) | np.insert(A, 1, p, axis=1) | np.insert(v, -1, s)
np.insert(A, [0, 2], x, axis=0) | np.insert(v, slice(1, 3), 2.0) | np.insert(v, 2, q) | np.insert(x, 3, v[0])
np.delete(v, 1) | np.delete(v, [0, -1]) | np.delete(x, 1, axis=1) | np.delete(v, slice(None, None, 2))
np.delete(x, [0, 5]) | np.delete(v, np.array([True, False, False, True, False])) | np.resize(v, (2, 4))
np.resize(x, 3) | np.resize(v, 0) | np.array_split(v, 2) | np.array_split(v, [1, 3]) | np.array_split(c, 2, axis=1)
np.hsplit(x, 3) | np.hsplit(v, [2]) | np.vsplit(x, 2) | np.dsplit(c, 2) | np.split(v, [1, 2]) | np.unstack(x)
np.unstack(x, axis=1) | np.atleast_1d(s) | np.atleast_1d(x, s) | np.atleast_2d(v) | np.atleast_3d(v)
np.atleast_3d(x) | np.atleast_3d(s) | np.fliplr(x) | np.flipud(x) | np.rot90(x) | np.rot90(x, 2)
np.rot90(c, -1, (1, 2)) | np.rot90(x, 4) | np.rollaxis(c, 2) | np.rollaxis(c, 0, 3) | np.rollaxis(c, -1, 1)
np.diagflat(p) | np.diagflat(x, 1) | np.diagflat(p, k=-2) | np.meshgrid(p, v) | np.meshgrid(p, v, indexing="ij")
np.meshgrid(p, v, s, sparse=True) | np.meshgrid(p) | np.diff(v) | np.diff(x, axis=0) | np.diff(v, 2)
np.diff(v, prepend=1.0) | np.diff(x, append=y) | np.diff(x, n=2, axis=-1) | np.diff(v, 0) | np.ediff1d(x)
np.ediff1d(v, to_begin=s, to_end=[1.0, 2.0]) | np.diff(x, axis=0, prepend=0.0) | np.gradient(v) | np.gradient(x)
np.gradient(x, axis=1) | np.gradient(v, 2.0) | np.gradient(A, 0.5, 2.0) | np.gradient(v, edge_order=2)
np.gradient(A, axis=(0, 1), edge_order=2) | np.trapezoid(v) | np.trapezoid(x, axis=0) | np.trapezoid(v, dx=0.5)
np.trapezoid(y=x, dx=2.0) | np.unwrap(v) | np.unwrap(4 * x, axis=0) | np.unwrap(v, period=1.0)
np.unwrap(9 * v, discont=4.0) | np.unwrap(9 * v, discont=(4.0,))
np.cumsum(x) | np.cumsum(x, axis=1) | np.cumsum(x, 0, np.float64)
np.cumulative_sum(v) | np.cumulative_sum(x, axis=-1) | np.cumulative_sum(x, axis=0, include_initial=True)
np.nancumsum(n) | np.nancumsum(n, axis=1) | np.sum(x, where=b) | np.sum(x, axis=1, initial=2.0)
np.sum(x, 0, np.float64) | np.sum(x, dtype=np.float64, keepdims=True) | np.sum(x, axis=0, where=[[True], [False]])
np.mean(x, where=b) | np.mean(x, axis=1, where=b, keepdims=True) | np.sum(a=x)
np.mean(x, axis=0, dtype=np.float64) | np.mean(x, (0, 1)) | np.nansum(n) | np.nansum(n, axis=0) | np.nanmean(n)
np.nanmean(n, axis=1) | np.nansum(x, initial=1.0) | np.average(x) | np.average(x, axis=1)
np.average(x, axis=0, returned=True) | np.sort(v) | np.sort(x, axis=0) | np.sort(x, axis=None) | np.sort(c, -1)
np.sort(v, kind="stable") | np.sort(a=v) | np.partition(v, 2) | np.sort(np.partition(x, 1, axis=None))
np.take_along_axis(x, j, axis=1) | np.median(v) | np.median(x, axis=0) | np.median(x)
np.median(x, axis=(0, 1), keepdims=True) | np.median(c, axis=(0, 2)) | np.quantile(v, 0.3)
np.quantile(x, [0.1, 0.55], axis=1) | np.quantile(x, 0.2, axis=0, keepdims=True) | np.quantile(v, 1.0)
np.quantile(v, [[0.1], [0.6]], method="hazen") | np.quantile(v, 0.35, method="lower")
np.quantile(v, 0.35, method="higher") | np.quantile(v, 0.35, method="nearest")
np.quantile(v, 0.35, method="weibull") | np.quantile(v, 0.35, method="median_unbiased")
np.quantile(v, 0.3, method="inverted_cdf", weights=k) | np.quantile(v, 0.35, method="averaged_inverted_cdf")
np.quantile(v, 0.35, method="closest_observation") | np.quantile(v, 0.35, method="interpolated_inverted_cdf")
np.quantile(v, 0.35, method="normal_unbiased") | np.quantile(v, 0.35, method="midpoint")
np.quantile(c, 0.3, axis=(0, 2)) | np.percentile(v, 30) | np.percentile(x, [10, 90], axis=0)
np.percentile(x, 25, method="hazen") | np.nanmedian(n) | np.nanmedian(n, axis=0) | np.nanquantile(n, 0.4, axis=1)
np.nanpercentile(n, [20, 70]) | np.nanmedian(v) | np.nanmax(n) | np.nanmin(n, axis=1)
np.nanmax(n, axis=0, keepdims=True) | np.nanmin(x) | np.nanmax(n, initial=2.2) | np.max(x, axis=0, initial=0.8)
np.min(x, initial=9.0, where=b) | np.max(x, where=b, initial=-9.0, axis=1) | np.ptp(x) | np.ptp(x, axis=1)
np.amax(x, 0) | np.amin(x) | np.bincount(i, weights=p) | np.bincount(i, p, 5) | np.histogram(v, 3, weights=w)[0]
np.histogram(v, bins=[-2.0, 0.0, 0.5, 2.0], weights=w) | np.histogram(v, 2, (0.0, 2.0), weights=w)[0]
np.select([x > 1, x < 0], [x, 2 * y]) | np.select([b], [x], default=s) | np.choose(j, [x, y, p])
np.choose(i, [p, 1.0, q]) | np.choose(j, [x, y], mode="clip") | np.choose(j, [x, y], mode="wrap")
np.compress([True, False], x, axis=0) | np.compress([False, True, True], x, 1) | np.compress([True, False, True], v)
np.extract(b, x) | np.nan_to_num(n) | np.nan_to_num(n, nan=3.0)
np.piecewise(x, [x < 0, x > 1], [lambda t: 2 * t, 3.0, lambda t: -t]) | np.where(b, x, y) | np.fmax(x, y)
np.fmin(x, n) | np.fmax(n, 0.5) | np.copysign(x, y) | np.copysign(x, -1.0) | np.copysign(2.0, x)
np.heaviside(x, s) | np.fmod(x, 0.7) | np.fmod(5.0, 0 * x + 0.8) | np.fmod(x, y) | np.remainder(x, y)
np.divmod(x, 0.4) | np.modf(3 * x) | np.frexp(x) | np.ldexp(x, j) | np.ldexp(x, 2) | np.nextafter(x, y)
np.deg2rad(x) | np.rad2deg(x) | np.radians(x) | np.degrees(x) | np.fabs(x) | np.fix(x) | np.trunc(x)
np.real_if_close(x) | np.copy(x) | np.copy(x, order="F") | np.ravel(x, order="F") | np.ravel(x, "C")
np.reshape(x, (3, 2), order="F") | np.reshape(c, (3, -1), order="F") | np.reshape(x, -1) | np.polyadd(p, v)
np.polysub(p, q) | np.polyder(v) | np.polyder(v, 2) | np.polyint(p) | np.polyint(p, 2, [1.0, 2.0])
np.polyint(p, m=2, k=3.0) | np.polyfit([0.2, 1.1, 1.9, 3.2, 4.6], v, 2) | np.polyfit(k, v, deg=1, w=[1, 2, 1, 3, 1])
np.polyfit(k, np.stack([v, w], 1), 1) | np.trim_zeros(v) | np.trim_zeros(np.pad(x, 1)) | np.cumulative_sum(s)
np.trim_zeros(np.pad(v, 2), "b") | np.trim_zeros(np.pad(x, 1), axis=0) | np.histogram2d(v, w, 2, weights=r)[0]
np.histogramdd(x.T, 2, weights=p) | np.histogramdd([v, w], (2, [0.0, 1.0, 3.0]), weights=v)[0] | np.poly(A)
np.apply_along_axis(np.sum, 0, x)
np.apply_along_axis(lambda t: t[::-1] * 2, 1, x) | np.apply_along_axis(np.diag, -1, x)
np.apply_over_axes(np.sum, c, [0, 2]) | np.unique(v) | np.unique(x, return_index=True, return_counts=True)
np.unique(x, axis=0) | np.unique_values(v) | np.union1d(v, w) | np.intersect1d(v, v[1:4]) | np.setdiff1d(v, v[:2])
np.setxor1d(v[:3], v[1:]) | np.linspace(s, v, 3) | np.linspace(p, q, 4, axis=1)
np.linspace(s, 2.0, 5, endpoint=False) | np.linspace(s, 2.0, 5, retstep=True) | np.linspace(0.0, s, 1)
np.take(x, [0, 3, -4], axis=1, mode="wrap") | np.take(v, [[9, -1], [2, -9]], mode="clip")
np.full_like(x, s) | np.tril(A, -1) | np.triu(A) | np.pad(x, 1) | np.tile(x, (2, 1)) | np.repeat(p, i)
after(np.put, x, [0, 4], p[:2]) | after(np.put, x, [0, 1, 4], 2.0) | after(np.put, x, [7, -1], p, mode="wrap")
after(np.place, x, b, p) | after(np.place, x, b, [1.0, 2.0]) | after(np.putmask, x, b, y)
after(np.putmask, x, b, p) | after(np.copyto, x, y) | after(np.copyto, x, 3.0, where=b) | after(np.copyto, x, p)
after(np.fill_diagonal, A, s) | after(np.fill_diagonal, A, p) | after(np.put_along_axis, x, j, y, axis=1)
after(np.put_along_axis, x, j, 2.0, 1) | after(np.add.at, v, [0, 0, 3], p)
after(np.subtract.at, x, (0, [1, 1]), 2.0) | after(np.negative.at, v, [0, 0, 1]) | np.add.accumulate(x, axis=1)
np.subtract.accumulate(x) | np.maximum.accumulate(v) | np.minimum.accumulate(x, axis=1) | np.add.reduce(x)
np.add.reduce(x, axis=None) | np.add.reduce(x, axis=(0, 1), keepdims=True) | np.subtract.reduce(x)
np.maximum.reduce(x, axis=1) | np.minimum.reduce(x, axis=None) | np.add.reduce(x, where=b)
np.add.reduce(x, initial=3.0) | np.maximum.reduce(x, initial=0.9, where=b) | np.add.reduceat(v, [0, 2, 1])
np.add.reduceat(x, [0, 1], axis=1) | np.maximum.reduceat(v, [0, 3]) | np.add.outer(p, x) | np.subtract.outer(x, v)
np.add.outer(2.0, p) | np.maximum.outer(p, q) | np.fmax.reduce(n, axis=1) | np.fmin.reduce(x)
np.add(x, y, dtype=np.float64) | np.add(x, y, dtype=np.float32) | np.add(x, p, order="F") | np.fmax.accumulate(v)
np.nan_to_num(x + 0, copy=False) | np.trace(A) | np.diagonal(A, 1) | np.cumulative_sum(v, include_initial=True)
np.sum(e) | np.sort(e) | np.vstack([e, x]) | np.cumsum(e, axis=0) | np.median(e, axis=1) | np.diff(e) | np.unique(e)
np.add.reduce(e) | np.nansum(e) | np.add.accumulate(e) | np.append(e, x, 0) | np.max(e, initial=1.0)
np.trapezoid(e) | np.nan_to_num(e) | np.sort(np.array([])) | x.sum(axis=1, where=b) | x.flatten("F") | x.ravel("F")
x.reshape(3, 2, order="F") | x.cumsum(1) | x.astype(np.float64, copy=False) | x.take([0, 1], axis=1)
v.compress([True, False, True]) | i.choose([p, q, p]) | x.ptp() if hasattr(x, "ptp") else x.max() - x.min() | x.real
x.conj() | x.conjugate() | after(lambda t: t.sort(), v) | after(lambda t: t.sort(axis=0), x)
after(lambda t: t.partition(2), v) | after(lambda t: t.put([0, 1], 3.0), x) | after(lambda t: t.fill(2.0), x)
x.flat[3] | x.flat[1:4] | x.copy("F") | x.swapaxes(0, 1)
after(lambda t: t.itemset(0, 1.0), v) if hasattr(v, "itemset") else v | x.squeeze() | x.diagonal()
np.pad(x, 1, mode="mean") | np.pad(x, (1, 2), mode="maximum") | np.pad(x, ((1, 0), (0, 2)), mode="minimum")
np.pad(c, 2, mode="median", stat_length=2) | np.pad(v, 3, mode="mean", stat_length=(2, 4)) | np.pad(x, {1: (1, 2)})
np.pad(x, 2, mode="linear_ramp", end_values=((1, 2), (3, 4))) | np.pad(c, 1, mode="linear_ramp")
np.pad(v, (7, 9), mode="reflect", reflect_type="odd") | np.pad(x, 3, mode="symmetric", reflect_type="odd")
np.pad(x, (1, 2), constant_values=((1, 2), (3, 4))) | np.pad(x, 1, constant_values=(s, s)[0]) | np.pad(x, 0)
np.full_like(x, s) | np.atleast_1d(v, s) | np.atleast_2d(v, s) | np.nanmedian(e) | np.fmod(v, 2) | np.copysign(v, -2)
np.real(x) | np.conj(x) | np.conjugate(x) | np.angle(x) | np.angle(x, deg=True)
"""

CURVED: Final = """
np.cumprod(x) | np.cumprod(x, axis=1) | np.cumulative_prod(v) | np.cumulative_prod(x, axis=0, include_initial=True)
np.nancumprod(n) | np.prod(x, where=b) | np.prod(x, axis=0, initial=3.0) | np.prod(x, dtype=np.float64)
np.nanprod(n) | np.nanprod(n, axis=0) | np.var(x, ddof=1) | np.var(x, axis=1, where=b) | np.std(x, ddof=1, axis=1)
np.std(x, where=b, keepdims=True) | np.var(x, 1, np.float64) | np.var(x, axis=1, mean=h[:, :1])
np.std(x, axis=0, mean=p[None]) | np.nanvar(n) | np.nanstd(n) | np.nanvar(n, axis=0, ddof=0)
np.average(x, weights=h) | np.average(x, axis=1, weights=p + 5) | np.average(x, 0, [1, 2])
np.average(c, axis=(0, 1), weights=h) | np.average(x, axis=1, weights=h, keepdims=True, returned=True) | np.cov(x)
np.cov(A, rowvar=False) | np.cov(p, q) | np.cov(v) | np.cov(A, bias=True) | np.cov(A, ddof=0, fweights=[1, 2, 1])
np.cov(A, aweights=h[0]) | np.cov(A, aweights=h[0], fweights=[2, 1, 3]) | np.corrcoef(A)
np.corrcoef(p, q)[0, 1] | np.histogram(v, 3, density=True, weights=w)[0] | np.interp(h, r, v)
np.interp(3.3, r, v) | np.interp(x * 9, r, v, left=s, right=2.0) | np.interp(x, r, v, period=5.0)
np.interp(h, r, v, left=-1.0) | np.interp(h, [1.0], [2.0]) | np.convolve(v, p) | np.convolve(p, v, "same")
np.convolve(v, p, mode="valid") | np.convolve(v, w[:4], "same") | np.correlate(v, p) | np.correlate(v, p, "full")
np.correlate(v, w[:4], "same") | np.correlate(p, v, "same") | np.correlate(p, v, "full") | np.kron(p, q)
np.kron(x, A) | np.kron(p, x) | np.inner(p, q) | np.inner(x, y) | np.inner(x, s) | np.vdot(x, y) | np.cross(p, q)
np.cross(A, p) | np.cross(x, y, axis=-1) | np.cross(A, A.T, axisa=0, axisb=1, axisc=0) | np.vecdot(x, y)
np.vecdot(x, y, axis=0) | np.matvec(A, p) | np.vecmat(p, A) | np.linalg.outer(p, q) | np.dot(x, A)
np.tensordot(x, y, axes=([0, 1], [0, 1])) | np.polyval(p, x) | np.polyval(p, s) | np.polymul(p, v)
np.polydiv(v, p)[0] | np.poly(p)
np.real(np.roots(w)) | np.imag(np.roots(w)) | np.polyfit(r, v, 2) | np.polyfit(r, v, 1, w=w)
np.polyfit(r, np.stack([v, w], 1), 1, w=w, cov=True) | np.polyfit(r, v, 1, cov="unscaled")
np.polyfit(r, v, 2, full=True)[:2] | np.histogram2d(v, w, 2, density=True, weights=r)[0]
np.vander(p) | np.vander(p, 4, increasing=True) | np.gradient(v, r)
np.gradient(A, p + [0, 3, 6], r[:3]) | np.gradient(v, r, edge_order=2) | np.trapezoid(v, r)
np.trapezoid(x, y, axis=0) | np.trapezoid(x, p, axis=1) | np.trapezoid(v, dx=w[:4]) | np.i0(x) | np.sinc(x)
np.logaddexp2(b, x) | np.logaddexp.reduce(x, axis=1, initial=1.0, where=b)
np.logaddexp2(x, y) | np.logaddexp2(x, 1.0) | np.float_power(h, x) | np.float_power(h, 2) | np.logspace(s, 1.0, 4)
np.logspace(0.0, 1.0, 3, base=h[0, 0] + 1) | np.geomspace(s, 3.0, 4) | np.geomspace(h, 2.0, 3, axis=1)
np.geomspace(2.0, s, 3, endpoint=False) | np.multiply.reduce(x) | np.multiply.accumulate(v)
np.multiply.outer(p, x) | np.divide.outer(p, q) | np.power.reduce(h) | np.divide.accumulate(v)
np.multiply.reduceat(v, [0, 2]) | np.logaddexp.reduce(v) | np.logaddexp.accumulate(x, axis=1) | np.hypot.reduce(x)
np.arctan2.outer(p, q) | np.hypot.outer(p, v) | after(np.multiply.at, v, [0, 0, 3], p)
after(np.divide.at, v, [1, 1], 2.0) | after(np.exp.at, v, [0, 2]) | np.exp(x, where=True)
np.multiply(x, y, dtype=np.float64) | np.exp(x, dtype=np.float64) | np.piecewise(x, [x > 0], [np.exp, np.square])
np.select([x > 0], [x * y], np.exp(x)) | np.apply_along_axis(lambda t: t * t[0], 1, x) | np.prod(e)
np.cumprod(e, 1) | np.var(e, 0) | np.einsum("ij,kj->ik", x, y) | np.linalg.norm(x, axis=1)
np.nanstd(n, axis=1, keepdims=True) | x.cumprod() | x.prod(1) | x.std(axis=1) | np.nan_to_num(np.log(h))
np.quantile(v * v, 0.4) | np.sort(x * y) | np.median(x * x) | np.apply_over_axes(np.prod, x, 0)
"""

DISCRETE: Final = """
np.argsort(v) | np.argsort(x, axis=0) | np.argsort(x, axis=None, kind="stable") | np.argpartition(v, 1)[1]
np.searchsorted(r, x) | np.searchsorted(r, [1.1, 9.0], side="right")
np.searchsorted(w, 1.0, sorter=[2, 0, 4, 1, 3]) | np.lexsort((p, q)) | np.nonzero(x) | np.nonzero(b)
np.argwhere(x > 0) | np.flatnonzero(x > 1) | np.count_nonzero(x) | np.count_nonzero(b, axis=1) | np.isin(x, v)
np.isin(i, [0, 5], invert=True) | np.digitize(v, r[1:]) | np.digitize(v, [0.0, 1.0], right=True) | np.bincount(k)
np.bincount(k, minlength=9) | np.histogram(v, 3) | np.histogram(v, [-1, 0, 1]) | np.histogram_bin_edges(v, 4)
np.histogram(v, 2, (0.0, 2.0)) | np.unique_all(v) | np.unique_counts(x) | np.unique_inverse(x)
np.unique(k, return_inverse=True) | np.nanargmax(n) | np.nanargmin(n, axis=1) | np.signbit(x) | np.isclose(x, y)
np.isposinf(x) | np.isneginf(x) | np.spacing(x) | np.left_shift(k, 2) | np.right_shift(k, i[0]) | np.imag(x)
np.bitwise_left_shift(k, 1) | np.bitwise_right_shift(k, 1) | np.gcd(k, 6) | np.lcm(k, 4)
np.ravel_multi_index((i, i), (3, 4)) | np.unravel_index(k, (2, 4)) | np.unravel_index(5, (2, 4))
np.array_equal(x, y) | np.allclose(x, x) | np.shape(x) | np.size(x) | np.ndim(x) | np.iscomplexobj(x)
np.result_type(x, 1) | np.can_cast(np.float32, np.float64) | np.einsum_path("ij,kj->ik", x, y)[0]
np.all(b, where=b) | np.any(x, axis=0) | np.any(b, where=[[True], [False]]) | np.logical_and.reduce(b)
np.logical_or.accumulate(b) | np.greater.outer(p, q) | np.equal.outer(i, i) | np.floor_divide.outer(k, i + 1)
np.bitwise_or.reduce(k) | np.bitwise_and.accumulate(k) | np.fmod(k, 3) | np.isreal(x) | np.iscomplex(x)
np.argmax(x, axis=1, keepdims=True) | np.array_equiv(x, x) | np.sum(k, dtype=np.int32)
np.cumsum(k, dtype=np.float32) | np.prod(k) | np.diff(b) | np.diff(k) | np.median(k) | np.quantile(k, 0.3)
np.sort(k) | np.float_power(k, 2) | np.average(k, weights=k) | np.nanmean(k) | np.trapezoid(k) | np.gradient(k)
np.interp(k, [1, 2], [3, 4]) | np.var(k, where=k > 1) | np.maximum.reduce(k) | np.ptp(k) | np.copysign(k, -1)
np.heaviside(k, 0) | np.deg2rad(k) | np.cov(j) | np.polyval(i, 3) | np.vander(i) | np.cumprod(k) | np.polymul(i, i)
np.kron(i, i) | np.ldexp(k, 2) | v.argsort() | v.argpartition(2)[2] | r.searchsorted(1.5) | x.nonzero()
v.tobytes() | x.itemsize | x.strides | x.imag | k << 2 | k >> 1 | 2 << i | 99 >> i | np.common_type(x)
np.min_scalar_type(k) | np.max(k, initial=9, where=k > 9) | np.logical_xor.reduce(b) | np.isscalar(x)
np.mean(x, dtype=np.int64) | np.var(x, dtype=np.complex128) | np.std(x, axis=0, dtype=np.float32)
np.mean(x.astype(np.float32), where=b) | np.nanmean(n.astype(np.float16), axis=1)
np.nanstd(n.astype(np.float32), axis=1) | np.quantile(x.astype(np.float32), [0.2, 0.5])
np.percentile(x.astype(np.float32), 20) | np.round(k, -1) | np.i0(k.astype(np.int8)) | np.cov(A, dtype=np.float32)
np.fmod(x.astype(np.float32), 2) | np.heaviside(x.astype(np.float32), 2) | np.logaddexp2(x.astype(np.float32), 2)
np.pad(k, 2, mode="mean") | np.pad(k, 2, mode="linear_ramp", end_values=9) | np.stack([x, y], dtype=np.float32)
np.concatenate([x, y], 1, dtype=np.float32) | np.full_like(k, i[0])
np.iterable(x) | np.frexp(k) | np.modf(k) | np.nextafter(k, 9) | np.i0(i) | np.fmax(k, 3) | np.select([k > 2], [k])
np.nan_to_num(k) | np.unwrap(k) | np.trim_zeros(k)
"""

# Where NumPy never asks whether an operand is a tensor `pb` has the function, and NumPy's raises an error.
OURS: Final = """
np.r_[p, 1.0:3.0, s] | np.r_["0,2", p, q] | np.r_["1,2,0", p, q] | np.r_["-1", x, y] | np.c_[p, q] | np.c_[x, y]
np.c_[p, 2 * p, q] | np.mean([x, y]) | np.sum([x, y], axis=0) | np.full((2, 3), s) | np.full(4, s)
np.vectorize(lambda a, b: a * b if a > 0 else b)(p, q) | np.vectorize(lambda a: (a * a, 2 * a))(x) | np.sort([p, q])
np.vectorize(lambda a, b: a @ b, signature="(n),(n)->()")(x, p)
np.vectorize(lambda a, b: (a * b[0], a[::-1]), signature="(m),(n)->(m),(m)")(A, q)
np.max([x, y], axis=0) | np.std([p, q]) | np.reshape([p, q], -1) | np.exp([p, q]) | np.average([p, q], axis=0)
np.cumsum([p, q]) | np.median([s, 2.0, s * 3]) | np.prod([s, s]) | np.diff([s, s * s]) | np.clip([p, q], 0.5, 0.9)
"""

# By group: to what order it is differentiated.
GROUPS: Final = {"linear": (LINEAR, 1), "curved": (CURVED, 2), "discrete": (DISCRETE, 0), "ours": (OURS, 2)}


def rows(group: str) -> list[str]:
    """The calls of a group."""
    return [row.strip() for line in GROUPS[group][0].strip().splitlines() for row in line.split(" | ")]
