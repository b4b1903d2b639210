"""Alerts as all tools have them: what was said of which metric, column and segment on a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.detection.faults import Blame

ALL = "all"

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "performance": (
        "roc_auc",
        "average_precision",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "mcc",
        "log_loss",
        "brier",
        "ece",
        "calibration",
        "error",
    ),
    "labels": ("base_rate", "label", "calibration"),
    "latency": ("latency",),
    "volume": ("duplicate", "rows", "requests", "throughput", "snapshot_rows"),
}
"""Beginnings of the metrics that are about each family; what is about inputs names a column."""


@dataclass(frozen=True)
class Alert:
    """One thing that a tool said; `is_page` where it is meant to wake somebody."""

    metric: str
    column: str = ""
    segment: str = ALL
    is_page: bool = False

    def names(self, blame: Blame) -> bool:
        """Whether it points where the fault is.

        >>> Alert("psi", "distance").names(Blame("inputs", ("distance",)))
        True
        >>> Alert("roc_auc").names(Blame("performance", segment="origin=JFK"))
        False
        """
        if blame.segment and self.segment != blame.segment:
            return False
        if self.column in blame.columns:
            return True
        return self.metric.startswith(FAMILIES.get(blame.family, ()))


Alerts = Mapping[dt.date, Sequence[Alert]]
"""Per day that was judged, what was said of it."""
