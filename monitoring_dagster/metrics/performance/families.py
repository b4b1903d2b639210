"""Measures the performance of every group of a day with the metrics of the monitor's task.

Formulas live with the metrics; here is which groups and metrics a day owes, and what is said
where one cannot be had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.performance.binary import registry as binary
from monitoring_dagster.metrics.performance.binary.cost import cost
from monitoring_dagster.metrics.performance.binary.score_cells import Floats, cell_scores, occupied
from monitoring_dagster.metrics.performance.estimates import no_labels
from monitoring_dagster.metrics.performance.multiclass import registry as multiclass
from monitoring_dagster.metrics.performance.regression import registry as regression
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.monitors.contract import Monitor, Role, Task
from monitoring_dagster.profiles import segments
from monitoring_dagster.profiles.grid import Grid, NumericCells
from monitoring_dagster.profiles.outcomes import (
    BinaryCounts,
    LabelCounts,
    Outcomes,
    RegressionCounts,
)
from monitoring_dagster.profiles.profile import ALL, EVERYTHING, Group


@dataclass(frozen=True)
class Family:
    """The metrics of a task, by name and column, and how many labelled rows its counts hold.

    The counts are those of the task: `Any`, because the task is known only at run time.
    """

    metrics: Mapping[tuple[str, str], Callable[[Any], Estimate]]
    rows: Callable[[Any], int]
    prepared: Callable[[Any], Any] = lambda counts: counts
    """What the metrics take, made once per group from its counts."""

    def estimates(self, counts: Any, minimum_rows: int) -> dict[tuple[str, str], Estimate]:
        """Every metric of one group, computed or not."""
        if problem := self._too_few(self.rows(counts), minimum_rows):
            return dict.fromkeys(self.metrics, problem)
        given = self.prepared(counts)
        return {key: safely(key[0], partial(metric, given)) for key, metric in self.metrics.items()}

    @staticmethod
    def _too_few(rows: int, minimum_rows: int) -> Estimate | None:
        if rows == 0:
            return no_labels()
        if rows >= minimum_rows:
            return None
        return Estimate.without(
            Status.NOT_ENOUGH_DATA,
            Reason.TOO_FEW_ROWS,
            f"{rows} labelled rows; at least {minimum_rows} are required",
            rows,
        )


class Performance:
    """The metrics of a monitor's task against its reference, for as many days as are asked for.

    What the metrics were on the reference is computed once per segment and kept.

    Args:
        monitor: says what is predicted and how traffic is cut.
        grid: the frozen cells.
        reference: the reference's outcomes; None where none of its predictions has a label.
        minimum_rows: labelled rows below which a group says too little.
    """

    def __init__(
        self, monitor: Monitor, grid: Grid, reference: Outcomes | None, *, minimum_rows: int = 30
    ) -> None:
        self._monitor, self._grid, self._reference = monitor, grid, reference
        self._minimum_rows = minimum_rows
        self._family = _family(monitor, grid, reference)
        self._on_reference: dict[str, dict[tuple[str, str], Estimate]] = {}

    def measure(self, outcomes: Outcomes, *, maturity: str | None) -> list[Measurement]:
        """All metrics of the task for `all`, each segment, and each model version.

        A segment of the grid without rows today is measured, too: as `no_data`.
        `reference_value` is the metric of the same segment, over all model versions, on the
        reference.

        Raises:
            GridMismatch: the outcomes were counted on another grid than the reference.
        """
        if self._monitor.model.task is Task.RANKING:
            return [_ranking(outcomes, maturity)]
        if self._reference is not None and self._reference.grid_id != outcomes.grid_id:
            raise GridMismatch(
                f"outcomes of grid {outcomes.grid_id} cannot be compared with a reference of grid "
                f"{self._reference.grid_id}; count the day again on the reference's grid"
            )
        measurements: list[Measurement] = []
        for group in _groups(self._monitor, self._grid, outcomes):
            then = self._then(group.segment)
            coverage = outcomes.coverage(group)
            estimates = _of_group(self._family, outcomes, group, self._minimum_rows)
            measurements.extend(
                Measurement(
                    metric,
                    estimate,
                    column=column,
                    segment=group.segment,
                    model_version=group.model_version,
                    reference_value=_value(then.get((metric, column))),
                    coverage=None if math.isnan(coverage) else coverage,
                    maturity=maturity,
                )
                for (metric, column), estimate in estimates
            )
        return measurements

    def _then(self, segment: str) -> dict[tuple[str, str], Estimate]:
        if segment not in self._on_reference:
            group = Group(ALL, segment)
            counts = self._reference.performance.get(group) if self._reference else None
            self._on_reference[segment] = (
                {} if counts is None else self._family.estimates(counts, self._minimum_rows)
            )
        return self._on_reference[segment]


def measure(
    monitor: Monitor,
    grid: Grid,
    outcomes: Outcomes,
    *,
    reference: Outcomes | None,
    maturity: str | None,
    minimum_rows: int = 30,
) -> list[Measurement]:
    """The measurements of one day; see `Performance`, which spares the reference for many."""
    against = Performance(monitor, grid, reference, minimum_rows=minimum_rows)
    return against.measure(outcomes, maturity=maturity)


def _family(monitor: Monitor, grid: Grid, reference: Outcomes | None) -> Family:
    match monitor.model.task:
        case Task.BINARY:
            scores = cell_scores(_numeric(grid, monitor.the(Role.SCORE)))
            metrics = {(m, ""): _on_scores(f) for m, f in binary.REGISTRY.items()}
            if (costs := monitor.model.costs) is not None:
                metrics["cost", ""] = _on_scores(lambda counts, _: cost(counts, costs))
            return Family(
                metrics,
                # A day fills a tenth of the cells, and the others tell the metrics nothing.
                prepared=lambda counts: occupied(counts, scores),
                rows=lambda counts: int(max(counts.decisions.sum(), counts.scores.sum())),
            )
        case Task.MULTICLASS:
            names = [_as_text(c) for c in monitor.model.classes]
            overall = {(m, ""): _with(f, names) for m, f in multiclass.REGISTRY.items()}
            per_class = {
                (m, name): _with(f, names, place)
                for m, f in multiclass.PER_CLASS.items()
                for place, name in enumerate(names)
            }
            return Family(
                overall | per_class,
                rows=lambda counts: int(max(counts.confusion.sum(), counts.scored)),
            )
        case _:
            then = reference.performance.get(EVERYTHING) if reference else None
            edges = ErrorEdges.of(
                _numeric(grid, "@residual"),
                _numeric(grid, "@absolute_residual"),
                then if isinstance(then, RegressionCounts) else None,
            )
            return Family(
                {(m, ""): _with(f, edges) for m, f in regression.REGISTRY.items()},
                rows=lambda counts: int(counts.n),
            )


def _with(metric: Callable[..., Estimate], *context: object) -> Callable[[Any], Estimate]:
    """The metric as a function of the counts alone."""
    return lambda counts: metric(counts, *context)


def _on_scores(
    metric: Callable[[BinaryCounts, Floats], Estimate],
) -> Callable[[tuple[BinaryCounts, Floats]], Estimate]:
    """The metric as a function of the counts together with their cells' scores."""
    return lambda given: metric(*given)


def _as_text(value: str | int | bool) -> str:
    """A class as a snapshot stores it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _numeric(grid: Grid, name: str | None) -> NumericCells | None:
    cells = grid.columns.get(name) if name is not None else None
    return cells if isinstance(cells, NumericCells) else None


def _groups(monitor: Monitor, grid: Grid, outcomes: Outcomes) -> Iterator[Group]:
    """What a day owes: the segments of the grid, others that had rows, then the versions."""
    counted = sorted({*outcomes.performance, *outcomes.labels})
    owed = segments.expected(monitor, grid)
    seen = [g.segment for g in counted if g.model_version == ALL]
    for segment in dict.fromkeys([*owed, *seen]):
        yield Group(ALL, segment)
    yield from (g for g in counted if g.model_version != ALL and g.segment == ALL)


def _of_group(
    family: Family, outcomes: Outcomes, group: Group, minimum_rows: int
) -> Iterator[tuple[tuple[str, str], Estimate]]:
    counts = outcomes.performance.get(group)
    if counts is not None and family.rows(counts) > 0:
        yield from family.estimates(counts, minimum_rows).items()
        return
    problem = _nothing_to_compare(outcomes.labels.get(group))
    yield from ((key, problem) for key in family.metrics)


def _nothing_to_compare(labels: LabelCounts | None) -> Estimate:
    """Why not one prediction of a group could be held against its label."""
    if labels is None or not labels.predictions:
        return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "no predictions were made")
    if not labels.labelled:
        detail = f"none of {labels.predictions} predictions has a label"
        return Estimate.without(Status.NO_DATA, Reason.NO_LABELS, detail)
    detail = f"none of {labels.labelled} labelled predictions has a score or decision to compare"
    return Estimate.without(Status.NO_DATA, Reason.NO_SCORES, detail)


def _value(estimate: Estimate | None) -> float | None:
    return estimate.value if estimate is not None and estimate.status is Status.OK else None


def _ranking(outcomes: Outcomes, maturity: str | None) -> Measurement:
    coverage = outcomes.coverage()
    return Measurement(
        "ndcg",
        Estimate.without(Status.NO_DATA, Reason.NO_SCORES, "ranking metrics are not computed yet"),
        coverage=None if math.isnan(coverage) else coverage,
        maturity=maturity,
    )
