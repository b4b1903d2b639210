"""A measurement held against noise: what it would be without any change, and how far off it is.

Only the record; it is computed in `distances` and `signed`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Against:
    """What noise says of one measurement of a day.

    Attributes:
        null_high: the value that is exceeded without any change with the chance `level` (half of
            it, for a signed metric), in the metric's unit.
        null_low: the same downwards; NaN for a distance, of which small values mean nothing.
        p_value: chance of a value at least as far off without any change; of both sides, for a
            signed metric. Never 0.
        z: the normal score: that of 1 - p_value for a distance, the signed deviate otherwise.
        effect: for a distance, the shift of a normal column's mean in standard deviations that
            would make what exceeds noise; for counts and times value / expected - 1; for others
            value - expected.
        smallest_effect: the size of effect that exceeds the null range on half of the days.
        inflation: variance (of a distance: its squared scale) over what sampling alone would make
            of today's n; at least 1.
        expected: the value without any change; of a distance more than 0.
        deviation: standard deviation of the value without any change.
        is_matched_by_weekday: whether the level is that of the day of the week.
        days: reference days behind it; 1 means that the day-to-day variation is not known.
    """

    null_high: float
    null_low: float
    p_value: float
    z: float
    effect: float
    smallest_effect: float
    inflation: float
    expected: float
    deviation: float
    is_matched_by_weekday: bool
    days: int
