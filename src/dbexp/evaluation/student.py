"""Student's t distribution: probabilities, quantiles, power. It knows no score."""

import functools
import math
from statistics import NormalDist

import numpy as np

EXACT_UP_TO = 1000  # degrees of freedom; beyond, three terms of the t quantile's expansion are good to 1e-8


def probability_within(t: float, df: int) -> float:
    """P(|T| <= t) of Student's t, t >= 0, df >= 1: a finite sum (Abramowitz & Stegun, 26.7.3 and 26.7.4)."""
    angle, is_odd = math.atan2(t, math.sqrt(df)), df % 2
    k = np.arange(1, df // 2)
    factors = (2 * k - 1 + is_odd) / (2 * k + is_odd) * math.cos(angle) ** 2
    series = math.sin(angle) * (1 + float(np.cumprod(factors).sum()))
    if not is_odd:
        return min(1.0, series)
    return min(1.0, 2 / math.pi * (angle + (series * math.cos(angle) if df > 1 else 0)))


@functools.cache
def t_quantile(level: float, df: int) -> float:
    """The t with P(|T| <= t) = level, 0 < level < 1, df >= 1; bisection, or A & S 26.7.5 beyond EXACT_UP_TO."""
    if not 0 < level < 1 or df < 1:
        raise ValueError(f"level lies between 0 and 1 and df is >= 1, not {level} and {df}")
    if df > EXACT_UP_TO:
        z = NormalDist().inv_cdf((1 + level) / 2)
        return z + (z**3 + z) / (4 * df) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * df**2)
    low, high = 0.0, 1.0
    while probability_within(high, df) < level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if probability_within(middle, df) < level else (low, middle)
    return high


def power_of(shift: float, critical: float, df: int) -> float:
    """P(T' > critical) of the noncentral t: the normal tail averaged over s = √(χ²/df), by the midpoint rule."""
    reach, num_points = 8 / math.sqrt(2 * df), 2000
    low = max(0.0, 1 - reach)
    width = (1 + reach - low) / num_points
    s = low + width * (np.arange(num_points) + 0.5)
    log_density = math.log(2) + df / 2 * math.log(df / 2) - math.lgamma(df / 2) + (df - 1) * np.log(s) - df * s**2 / 2
    tail = np.array([NormalDist().cdf(shift - critical * float(point)) for point in s])
    return float(width * np.sum(tail * np.exp(log_density)))
