"""The record of estimates: how far past ones missed the truth, and what that makes of today's band.

Kept in the detectors' state, day by day, since only days in their order have a past.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import replace

from monitoring_dagster.decisions.measured import Measured
from monitoring_dagster.metrics.estimated import ERROR
from monitoring_dagster.metrics.intervals import Z
from monitoring_dagster.metrics.measurement import Measurement, Status

Record = Mapping[str, Mapping[dt.date, float]]

KEPT_DAYS = 60
"""Days of the record: as far back as the model and its world are taken to be the same."""

FEWEST = 5
"""Errors without which a record says nothing."""


def extended(record: Record, day: dt.date, measured: Measured) -> Record:
    """The record with today's errors, in standard errors of the estimate, and without old ones."""
    oldest = day - dt.timedelta(days=KEPT_DAYS)
    found = {
        name: {when: error for when, error in errors.items() if oldest < when < day}
        for name, errors in record.items()
    }
    for error in measured.of_metric(ERROR):
        name = error.column.removeprefix("@")
        missed = _missed(error, measured.get(name))
        if error.segment == "all" and missed is not None:
            found[name] = {**found.get(name, {}), day: missed}
    return found


def _missed(error: Measurement, estimate: Measurement | None) -> float | None:
    if error.estimate.status is not Status.OK or estimate is None:
        return None
    deviation = _deviation(estimate)
    return error.estimate.value / deviation if deviation > 0 else None


def _deviation(estimate: Measurement) -> float:
    return (estimate.estimate.ci_high - estimate.estimate.ci_low) / (2 * Z)


def widened(estimate: Measurement, record: Record, day: dt.date) -> Measurement:
    """The estimate with the band that its record before `day` deserves: wider, never narrower.

    The band's half-widths are multiplied by the root mean square of past errors in standard
    errors, which is 1 where the band has been right.

    >>> from monitoring_dagster.metrics.measurement import Estimate
    >>> today = Measurement("estimated_accuracy", Estimate(0.8, 0.78, 0.82, 500))
    >>> past = {"estimated_accuracy": {dt.date(2026, 1, d): 3.0 for d in range(1, 9)}}
    >>> e = widened(today, past, dt.date(2026, 1, 9)).estimate
    >>> round(e.ci_low, 3), round(e.ci_high, 3)
    (0.74, 0.86)
    """
    errors = [e for when, e in record.get(estimate.metric, {}).items() if when < day]
    if len(errors) < FEWEST:
        return estimate
    scale = max(1.0, math.sqrt(math.fsum(e * e for e in errors) / len(errors)))
    value = estimate.estimate.value
    low = value - scale * (value - estimate.estimate.ci_low)
    high = value + scale * (estimate.estimate.ci_high - value)
    return replace(estimate, estimate=replace(estimate.estimate, ci_low=low, ci_high=high))
