"""Which functions of SciPy's differentiate through a tensor where SCIPY_ARRAY_API=1; `python -m tests.scipy_functions`.

Each is called with a tensor, and its gradient compared with differences. SciPy asks for the variable when it is loaded,
so this runs in a process of its own; `tests/test_scipy.py` starts it, and compares the names with the page's.
"""

from __future__ import annotations

import os
import sys
import warnings

os.environ["SCIPY_ARRAY_API"] = "1"

import numpy as np
from scipy import cluster, fft, integrate, interpolate, linalg, ndimage, optimize, signal, special, stats
from scipy.spatial import distance

import pullback as pb

X = np.array([0.31, 0.52, 0.43, 0.95, 0.74, 0.66])
TIMES = pb.tensor(np.arange(6.0))
ONE = (
    "erf erfc expit logit log_expit gammaln digamma i0 i1 j0 k0 ndtr ndtri log_ndtr entr logsumexp softmax log_softmax"
)
SHAPES = (
    "zscore skew kurtosis gmean hmean variation sem entropy differential_entropy tmean circmean circvar iqr gstd "
    "median_abs_deviation"
)

DIFFERENTIATES = {
    **{f"special.{name}": getattr(special, name) for name in ONE.split()},
    "special.betaln": lambda x: special.betaln(x, x + 1), "special.xlogy": lambda x: special.xlogy(x, x),
    "special.rel_entr": lambda x: special.rel_entr(x, x * x), "special.gammainc": lambda x: special.gammainc(x, x),
    "special.chdtr": lambda x: special.chdtr(x, x), "special.stdtrit": lambda x: special.stdtrit(3.0, x),
    "special.multigammaln": lambda x: special.multigammaln(x + 3, 2), "special.jv": lambda x: special.jv(1, x),
    "special.polygamma": lambda x: special.polygamma(1, x), "special.zeta": lambda x: special.zeta(x + 2, 1.0),
    **{f"stats.{name}": getattr(stats, name) for name in SHAPES.split()},
    "stats.moment": lambda x: stats.moment(x, 3), "stats.pmean": lambda x: stats.pmean(x, 2),
    "stats.describe": lambda x: stats.describe(x).variance, "stats.trim_mean": lambda x: stats.trim_mean(x, 0.1),
    "stats.ttest_1samp": lambda x: stats.ttest_1samp(x, 0.5).statistic,
    "stats.ttest_ind": lambda x: stats.ttest_ind(x, x * x).statistic,
    "stats.bartlett": lambda x: stats.bartlett(x, x * x).statistic,
    "stats.boxcox_llf": lambda x: stats.boxcox_llf(0.3, x),
    "fft.fft": lambda x: abs(fft.fft(x)), "fft.rfft": lambda x: abs(fft.rfft(x)), "fft.irfft": fft.irfft,
    "fft.hfft": fft.hfft, "fft.fftshift": fft.fftshift, "fft.fht": lambda x: fft.fht(x, 0.1, 0.0),
    "integrate.trapezoid": integrate.trapezoid, "integrate.cumulative_trapezoid": integrate.cumulative_trapezoid,
    "integrate.cumulative_simpson": lambda x: integrate.cumulative_simpson(x, dx=1.0),
    "integrate.romb": lambda x: integrate.romb(x[:5]),
    "signal.fftconvolve": lambda x: signal.fftconvolve(x, x), "signal.oaconvolve": lambda x: signal.oaconvolve(x, x),
    "signal.hilbert": lambda x: abs(signal.hilbert(x)), "signal.resample": lambda x: signal.resample(x, 12),
    "cluster.vq.whiten": lambda x: cluster.vq.whiten(x.reshape(3, 2)), "optimize.rosen": optimize.rosen,
}  # fmt: skip
REFUSES = {
    "special.lambertw": special.lambertw, "special.exprel": special.exprel,
    "special.comb": lambda x: special.comb(5.0, x),
    "stats.norm": lambda x: stats.norm.logpdf(x), "stats.gamma": lambda x: stats.gamma.pdf(x, 2.0),
    "stats.multivariate_normal": lambda x: stats.multivariate_normal.logpdf(x, np.zeros(6)),
    "stats.gaussian_kde": lambda x: stats.gaussian_kde(x)(0.5), "fft.dct": fft.dct, "fft.dst": fft.dst,
    "integrate.simpson": integrate.simpson, "linalg.expm": lambda x: linalg.expm(x[:4].reshape(2, 2)),
    "linalg.inv": lambda x: linalg.inv(x[:4].reshape(2, 2)), "linalg.norm": linalg.norm,
    "signal.convolve": lambda x: signal.convolve(x, x), "signal.detrend": signal.detrend, "signal.welch": signal.welch,
    "signal.lfilter": lambda x: signal.lfilter(TIMES, TIMES + 1, x),
    "signal.savgol_filter": lambda x: signal.savgol_filter(x, 5, 2),
    "ndimage.gaussian_filter": lambda x: ndimage.gaussian_filter(x, 1.0),
    "interpolate.CubicSpline": lambda x: interpolate.CubicSpline(TIMES, x)(2.5),
    "interpolate.interp1d": lambda x: interpolate.interp1d(np.arange(6.0), x)(2.5),
    "spatial.distance.pdist": lambda x: distance.pdist(x.reshape(3, 2)),
}  # fmt: skip


def scalar(function, x):
    """A sum with weights, so that every entry of what comes out counts."""
    y = pb.asarray(function(x))
    return (y * np.sin(np.arange(1.0, y.size + 1)).reshape(y.shape)).sum()


def main():
    """Print the names, or what is wrong."""
    warnings.simplefilter("ignore")
    steps = 1e-6 * np.eye(X.size)
    for name, function in DIFFERENTIATES.items():
        found = pb.grad(lambda x, f=function: scalar(f, x))(X).numpy()
        ahead, behind = ([scalar(function, X + sign * s).item() for s in steps] for sign in (1, -1))
        np.testing.assert_allclose(found, (np.array(ahead) - behind) / 2e-6, rtol=1e-4, atol=1e-5, err_msg=name)
    for name, function in REFUSES.items():
        try:
            pb.grad(lambda x, f=function: scalar(f, x))(X)
        except (pb.GraphError, pb.core.errors.OptionError, TypeError):
            pass
        else:
            raise AssertionError(f"{name} lets a tensor through, and it is said that it does not")
    print(*DIFFERENTIATES, "-", *REFUSES, file=sys.stdout)


if __name__ == "__main__":
    main()
