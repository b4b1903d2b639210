"""Measures the shape of a day: rows of every group, and the values of every counted column.

Formulas live with the metrics; here is which measurements a day owes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from monitoring_dagster.metrics.groups import WHOLE, counts_of, owed, uncut
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.metrics.shape.registry import CATEGORICAL, NUMERIC, Metric
from monitoring_dagster.metrics.shape.rows import rows
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.grid import Cells, Grid, NumericCells
from monitoring_dagster.profiles.profile import Group, Profile


def measure(
    monitor: Monitor, grid: Grid, reference: Profile, current: Profile, reference_days: int
) -> list[Measurement]:
    """Rows per segment and model version, and the shape of every counted column.

    Columns are measured over the whole traffic: by segment, the change of the null rate is a
    drift measure. The reference value of `rows` is that of an average reference day
    (`reference_days` of them), of a column's metric the same metric of the reference.
    """
    measurements = [
        _rows(group, reference, current, reference_days)
        for group in owed(monitor, grid, current.groups)
    ]
    for name, cells in grid.columns.items():
        if name in monitor.columns:
            measurements.extend(_of_column(name, cells, reference, current))
    return measurements


def _rows(group: Group, reference: Profile, current: Profile, reference_days: int) -> Measurement:
    before = reference.groups.get(group)
    if current.groups:
        estimate = uncut(current, group) or safely("rows", partial(rows, current.groups.get(group)))
    else:
        estimate = Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "the day has no rows")
    return Measurement(
        "rows",
        estimate,
        segment=group.segment,
        model_version=group.model_version,
        reference_value=before.rows / reference_days if before and reference_days else None,
    )


def _of_column(
    name: str, cells: Cells, reference: Profile, current: Profile
) -> Iterator[Measurement]:
    metrics = NUMERIC if isinstance(cells, NumericCells) else CATEGORICAL
    before = _estimates(metrics, name, cells, reference)
    for metric, estimate in _estimates(metrics, name, cells, current).items():
        was = before[metric]
        yield Measurement(
            metric,
            estimate,
            column=name,
            reference_value=was.value if was.status is Status.OK else None,
        )


def _estimates(
    metrics: Mapping[str, Metric], name: str, cells: Cells, profile: Profile
) -> dict[str, Estimate]:
    counts = counts_of(profile, name, WHOLE)
    if isinstance(counts, Estimate):
        return dict.fromkeys(metrics, counts)
    return {m: safely(m, partial(compute, cells, counts)) for m, compute in metrics.items()}
