"""How much better the challenger is by one metric on some rows, with its interval.

Whether that is enough is `checks`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from monitoring_dagster.retraining.gate.compared import Bools, Days, Floats
from monitoring_dagster.retraining.gate.jackknife import MINIMUM_DAYS, reach, standard_error
from monitoring_dagster.retraining.gate.measures.metric import Metric
from monitoring_dagster.retraining.gate.paired import Paired


@dataclass(frozen=True)
class Gained:
    """A gain, or why there is none.

    Args:
        metric: by which metric.
        champion: the champion's value; NaN where it has none, as with the others.
        challenger: the challenger's.
        gain: by how much the challenger is better, in the metric's unit (negative: worse).
        error: its standard error.
        rows: rows that were compared.
        days: days among which they lie.
        lacks: why there is no interval; empty where there is one.
    """

    metric: str
    champion: float
    challenger: float
    gain: float
    error: float
    rows: int
    days: int
    lacks: str = ""

    @property
    def low(self) -> float:
        """Lower end of the gain's interval."""
        return self.gain - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the gain's interval."""
        return self.gain + self.half_width

    @property
    def half_width(self) -> float:
        """Half the width of the gain's interval."""
        return math.nan if self.lacks else reach(self.days) * self.error

    @classmethod
    def counted(
        cls, metric: str, champion: float, challenger: float, gain: float, *, rows: int, days: int
    ) -> Gained:
        """A gain of which nothing is estimated, so that it has no interval."""
        return cls(metric, champion, challenger, gain, math.nan, rows, days, "it is counted")

    @classmethod
    def without(cls, metric: str, rows: int, days: int, lacks: str) -> Gained:
        """No gain, and why."""
        return cls(metric, math.nan, math.nan, math.nan, math.nan, rows, days, lacks)


def gained(metric: Metric, paired: Paired) -> Gained:
    """The gain by `metric` on all rows of `paired`."""
    has_rows = paired.has_rows
    days = int(has_rows.sum())
    for side in (paired.champion, paired.challenger):
        if lacks := metric.lacks(side):
            return Gained.without(metric.name, paired.rows, days, lacks)
    return between(
        metric.name,
        metric.replicates(paired.champion),
        metric.replicates(paired.challenger),
        metric.better.value,
        has_rows,
        paired.rows,
        paired.dates,
    )


def between(
    name: str,
    champion: Floats,
    challenger: Floats,
    sign: int,
    has_rows: Bools,
    rows: int,
    dates: Days,
) -> Gained:
    """The gain from the values (1 + days,) of both, with all days and without each.

    `sign` is 1 where more is better, else -1; days without rows tell nothing and do not count.
    """
    days = int(has_rows.sum())
    ours, theirs = float(challenger[0]), float(champion[0])
    differences = sign * (challenger - champion)[np.concatenate([[True], has_rows])]
    lacks = ""
    if not math.isfinite(differences[0]):
        lacks = "it is not defined on these rows"
    elif days < MINIMUM_DAYS:
        lacks = f"{days} days with rows, at least {MINIMUM_DAYS} are needed"
    elif not np.isfinite(differences).all():
        first = int(np.flatnonzero(~np.isfinite(differences[1:]))[0])
        lacks = f"it is not defined without {dates[has_rows][first]}"
    error = math.nan if lacks else standard_error(differences)
    return Gained(name, theirs, ours, float(differences[0]), error, rows, days, lacks)
