"""Measures the drift of every column of a day, in every group.

Formulas live with the metrics; here is which measurements a day owes, and what is said where
one cannot be had.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics.drift.coarse import coarsened
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.registry import CATEGORICAL, NUMERIC, OF_ROWS, Metric
from monitoring_dagster.metrics.groups import WHOLE, counts_of, no_values, owed, too_few
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.monitors.contract import Monitor, Role
from monitoring_dagster.profiles.grid import Cells, Grid, NumericCells
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Profile

ROLES = (Role.FEATURE, Role.SCORE, Role.PREDICTION)
"""What can drift: what goes into the model and what comes out of it."""


def measure(
    monitor: Monitor,
    grid: Grid,
    reference: Profile,
    current: Profile,
    *,
    minimum_rows: int = 30,
) -> list[Measurement]:
    """Every drift measure of every feature, score and prediction, per segment and version.

    A segment is compared with the same segment of the reference, a model version with the whole
    reference. `reference_value` is None: the reference does not drift from itself.

    Args:
        monitor: says which columns there are and how traffic is cut.
        grid: the frozen cells.
        reference: the reference, counted on the grid.
        current: the day, counted on the grid.
        minimum_rows: values (rows, for the null rate) below which a side says too little.

    Raises:
        GridMismatch: one of the profiles was counted on another grid.
    """
    for profile in (reference, current):
        if profile.grid_id != grid.id:
            raise GridMismatch(
                f"a profile of grid {profile.grid_id} cannot be measured on grid {grid.id}; "
                "count the day again on the reference's grid"
            )
    groups = owed(monitor, grid, [*reference.groups, *current.groups])
    seen = [g for g in groups if g.model_version == ALL or g in current.groups]
    return [
        Measurement(metric, estimate, name, group.segment, group.model_version)
        for name, cells in grid.columns.items()
        if name in monitor.columns and monitor.columns[name].role in ROLES
        for group in seen
        for metric, estimate in _of_column(
            cells,
            reference.column(name, WHOLE if group.model_version != ALL else group),
            counts_of(current, name, group),
            minimum_rows,
        )
    ]


def _of_column(
    cells: Cells,
    reference: ColumnCounts | None,
    current: ColumnCounts | Estimate,
    minimum_rows: int,
) -> Iterator[tuple[str, Estimate]]:
    """Every measure of one column in one group, computed or not."""
    metrics = NUMERIC if isinstance(cells, NumericCells) else CATEGORICAL
    if isinstance(current, Estimate):
        yield from ((metric, current) for metric in (*metrics, *OF_ROWS))
        return
    if reference is None or reference.rows == 0:
        nothing = _without_reference("the reference has no rows in this group", current)
        yield from ((metric, nothing) for metric in (*metrics, *OF_ROWS))
        return
    if isinstance(cells, NumericCells):
        cells, reference, current = coarsened(cells, reference, current)
    comparison = Comparison(cells, reference, current)
    yield from _computed(metrics, comparison, _problem(comparison, minimum_rows))
    yield from _computed(OF_ROWS, comparison, _problem_of_rows(comparison, minimum_rows))


def _computed(
    metrics: Mapping[str, Metric], comparison: Comparison, problem: Estimate | None
) -> Iterator[tuple[str, Estimate]]:
    for name, metric in metrics.items():
        yield name, problem or safely(name, partial(metric, comparison))


def _problem(comparison: Comparison, minimum_rows: int) -> Estimate | None:
    """Why the values of both sides cannot be compared, or None."""
    if comparison.n == 0:
        return no_values(comparison.current)
    if comparison.reference_n == 0:
        return _without_reference(
            f"none of {comparison.reference.rows} reference rows has a value", comparison.current
        )
    if comparison.n < minimum_rows:
        return too_few("values", comparison.n, minimum_rows)
    if comparison.reference_n < minimum_rows:
        return too_few("reference values", comparison.reference_n, minimum_rows)
    return None


def _problem_of_rows(comparison: Comparison, minimum_rows: int) -> Estimate | None:
    """Why the rows of both sides cannot be compared, or None."""
    if comparison.current.rows < minimum_rows:
        return too_few("rows", comparison.current.rows, minimum_rows)
    if comparison.reference.rows < minimum_rows:
        return too_few("reference rows", comparison.reference.rows, minimum_rows)
    return None


def _without_reference(detail: str, current: ColumnCounts) -> Estimate:
    return Estimate.without(Status.NO_DATA, Reason.REFERENCE_EMPTY, detail, current.n)
