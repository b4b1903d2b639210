"""Measures how complete and how late a day's labels are, per segment and model version.

Formulas live with the metrics; here is which measurements a day owes.
"""

from __future__ import annotations

import math
from functools import partial

from monitoring_dagster.metrics.groups import WHOLE
from monitoring_dagster.metrics.labels.registry import COUNTS, DELAYS
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import ALL, Group


def measure(
    monitor: Monitor,
    outcomes: Outcomes,
    *,
    maturity: str | None,
    orphans: int | None = None,
    relabelled: int | None = None,
) -> list[Measurement]:
    """Predictions, labels, their share and their delay, per segment and model version.

    Delays are owed where the labels carry the time of their arrival.

    Args:
        monitor: says which columns the labels carry.
        outcomes: the day's predictions and labels, counted.
        maturity: `provisional` or `final`.
        orphans: labels without a prediction, where that is known.
        relabelled: predictions whose label came again with another value, where that is known.
    """
    has_arrival = monitor.the(Role.TIMESTAMP, Kind.LABELS) is not None
    metrics = {**COUNTS, **(DELAYS if has_arrival else {})}
    measurements: list[Measurement] = []
    for group in _groups(outcomes):
        counts, coverage = outcomes.labels.get(group), outcomes.coverage(group)
        for name, metric in metrics.items():
            estimate = safely(name, partial(metric, counts)) if counts else _NOTHING
            measurements.append(
                Measurement(
                    name,
                    estimate,
                    segment=group.segment,
                    model_version=group.model_version,
                    coverage=None if math.isnan(coverage) else coverage,
                    maturity=maturity,
                )
            )
    counted = {"orphan_labels": orphans, "relabelled": relabelled}
    measurements.extend(
        Measurement(
            name,
            _UNMATCHED if rows is None else Estimate.exact(float(rows), rows),
            maturity=maturity,
        )
        for name, rows in counted.items()
    )
    return measurements


def _groups(outcomes: Outcomes) -> list[Group]:
    """The whole traffic, segments that had predictions, and model versions of the whole."""
    known = [g for g in sorted(outcomes.labels) if ALL in (g.segment, g.model_version)]
    return list(dict.fromkeys([WHOLE, *known]))


_NOTHING = Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "no predictions were made")
_UNMATCHED = Estimate.without(
    Status.NO_DATA, Reason.NO_LABELS, "no labels were matched with the day's predictions"
)
