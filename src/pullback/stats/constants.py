"""Numbers that moments and entropies are made of."""

from __future__ import annotations

from typing import Final

EULER: Final = 0.57721566490153286061


def riemann(n: int) -> float:
    """Riemann's ζ(n)."""
    from scipy.special import zeta  # heavy: only who uses it loads it

    return float(zeta(n))
