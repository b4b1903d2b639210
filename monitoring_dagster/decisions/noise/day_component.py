"""The day component of a distance: how it varies between days, and the tail that it makes.

Of which size it is in a column, and which candidate fits, is learned in `distances`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.noise.tails import Cumulants, Tail, heavier, tail

Floats = NDArray[np.float64]

DIRECTIONS = np.array([0.5, 0.5, 1.0, 2.5, 8.0, 50.0])
"""Candidates for the degrees of freedom of the day component.

One where a single thing moves the whole day (weather), below one where most days are quiet and a
few are not, many where every day is off by about the same (a weekday that is always different).
"""

MOMENTS = np.array([5.0, np.inf, np.inf, np.inf, np.inf, np.inf])
"""Of each candidate: how many moments the component has; five where storms come (Student's t)."""


def upper_tail(noise: Cumulants, added: Floats, known_to: Floats) -> Tail:
    """The tail (N, 6) under each candidate, the mean known to some degrees of freedom (N, 6)."""
    found = tail(with_days(noise, added, DIRECTIONS), known_to)
    share = added / (noise.mean + added)
    # Storms are of the day component alone.
    return heavier(found, MOMENTS / np.maximum(share, 1e-9) ** 2)


def with_days(noise: Cumulants, added: Floats, directions: Floats) -> Cumulants:
    """Cumulants of sampling noise in k directions plus a day component in some of them.

    |x|² of a normal x with covariance A + T has the cumulants tr(A + T), 2 tr(A + T)² and
    8 tr(A + T)³; A is taken as even over its k directions, T over `directions`.
    """
    mean, variance, third = noise
    k = 2 * mean * mean / variance
    return Cumulants(
        mean + added + 0 * directions,
        variance + 4 * mean * added / k + 2 * added**2 / directions,
        third
        + 24 * added * (mean / k) ** 2
        + 24 * mean / k * added**2 / directions
        + 8 * added**3 / directions**2,
    )
