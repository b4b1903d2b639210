"""Raw rows as numbers: what classifiers and regressors of this package are trained on.

How a value of a table becomes a number is `encoding`; which rows there are is decided by
`profiles.reference_rows`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.monitors.contract import Monitor, Role

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Rows of the reference or of a day, in one order throughout.

    `features` (n, features) holds grid cells, so that one value of 1e300 is but the last cell;
    NaN for null and NaN. `outputs` (n, outputs) are what the model answered: the score, the score
    of each class in the order of `model.classes`, or the predicted number; NaN where it did not.
    `decisions` (n,) is 1 for positive or the place of the predicted class, `labels` (n,) likewise
    or the target; NaN where unknown. `segments` says per label which rows belong to it.
    """

    features: Floats
    outputs: Floats
    decisions: Floats
    labels: Floats
    segments: Mapping[str, Bools]

    def __len__(self) -> int:
        return len(self.features)

    def within(self, segment: str) -> Bools:
        """Which rows belong to the segment; none to one that the rows do not know."""
        return self.segments.get(segment, np.zeros(len(self), dtype=np.bool_))


def score_columns(monitor: Monitor) -> list[str]:
    """The score of each class in the order of `model.classes`; empty where one is missing."""
    scores = monitor.with_role(Role.SCORE)
    of_class = {as_text(c): n for n in scores if (c := monitor.columns[n].class_label) is not None}
    wanted = [as_text(c) for c in monitor.model.classes]
    return [of_class[c] for c in wanted] if set(wanted) <= of_class.keys() else []


def as_text(value: str | float | bool) -> str:
    """A class as a snapshot stores it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
