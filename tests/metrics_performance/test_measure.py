"""What a day owes: every metric of the task for every group, computed or with its reason."""

from __future__ import annotations

import math

import numpy as np
import pytest

from monitoring_dagster.errors import GridMismatch
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.metrics.performance import measure
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.performance.multiclass.registry import PER_CLASS
from monitoring_dagster.metrics.performance.multiclass.registry import REGISTRY as MULTICLASS
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY as REGRESSION
from monitoring_dagster.monitors.contract import Costs
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, LabelCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, Group
from tests.metrics_performance.counting import (
    count_binary,
    count_multiclass,
    count_regression,
    grid,
    monitor,
    probabilities,
    quantile_cells,
)

CELLS = quantile_cells(probabilities(20_000, seed=1)[1])
GRID = grid({"chance": CELLS})
DELAYS = LabelCounts.empty().delays


def binary(n: int, seed: int) -> BinaryCounts:
    return count_binary(*probabilities(n, seed), CELLS)


def outcomes(**of_group: BinaryCounts) -> Outcomes:
    """Outcomes of segments by region, of `v_` versions, with labels for 80 % of predictions."""
    groups = {
        Group(name, ALL)
        if name.startswith("v")
        else Group(ALL, ALL)
        if name == "everything"
        else Group(ALL, f"region={name}"): counts
        for name, counts in of_group.items()
    }
    labels = {
        group: LabelCounts(int(counts.scores.sum() * 1.25), int(counts.scores.sum()), DELAYS)
        for group, counts in groups.items()
    }
    return Outcomes("g", groups, labels)


TODAY = outcomes(
    everything=binary(1_000, 2), north=binary(900, 3), v1=binary(600, 4), v2=binary(12, 5)
)
REFERENCE = outcomes(everything=binary(5_000, 6), north=binary(2_000, 7), south=binary(3_000, 8))


def measured(today: Outcomes = TODAY, reference: Outcomes | None = REFERENCE) -> list[Measurement]:
    return measure(monitor("binary"), GRID, today, reference=reference, maturity="final")


def the(measurements: list[Measurement], metric: str, **where: str) -> Measurement:
    found = [
        m
        for m in measurements
        if m.metric == metric and all(getattr(m, k) == v for k, v in where.items())
    ]
    assert len(found) == 1, found
    return found[0]


def test_every_metric_is_measured_for_every_segment_and_version() -> None:
    keys = [(m.model_version, m.segment, m.metric) for m in measured()]
    groups = [(ALL, ALL), (ALL, "region=north"), (ALL, "region=south"), ("v1", ALL), ("v2", ALL)]
    assert keys == [(*group, metric) for group in groups for metric in BINARY]


def test_a_measurement_carries_its_reference_coverage_and_maturity() -> None:
    found = the(measured(), "roc_auc", segment="region=north")
    on_reference = measure(monitor("binary"), GRID, REFERENCE, reference=None, maturity=None)
    then = the(on_reference, "roc_auc", segment="region=north")
    assert found.reference_value == then.estimate.value
    assert found.coverage == 0.8
    assert found.maturity == "final"
    assert then.reference_value is None


def test_a_version_is_compared_with_the_reference_of_all_versions() -> None:
    version = the(measured(), "accuracy", model_version="v1")
    everything = the(measured(), "accuracy", model_version=ALL, segment=ALL)
    assert version.reference_value == everything.reference_value is not None


def test_a_segment_of_the_grid_without_rows_today_is_no_data() -> None:
    found = [m for m in measured() if m.segment == "region=south"]
    assert len(found) == len(BINARY)
    assert {(m.estimate.status, m.estimate.reason) for m in found} == {
        (Status.NO_DATA, Reason.NO_ROWS)
    }
    assert the(found, "roc_auc").reference_value is not None
    assert the(found, "roc_auc").coverage is None


def test_predictions_without_labels_are_no_labels() -> None:
    today = Outcomes("g", {}, {Group(ALL, ALL): LabelCounts(500, 0, DELAYS)})
    found = [m for m in measured(today) if m.segment == ALL]
    assert {m.estimate.reason for m in found} == {Reason.NO_LABELS}
    assert found[0].estimate.detail == "none of 500 predictions has a label"
    assert found[0].coverage == 0


def test_too_few_rows_say_how_many_there_are_and_are_needed() -> None:
    found = the(measured(), "roc_auc", model_version="v2").estimate
    assert (found.status, found.reason, found.n) == (
        Status.NOT_ENOUGH_DATA,
        Reason.TOO_FEW_ROWS,
        12,
    )
    assert found.detail == "12 labelled rows; at least 30 are required"


def test_an_empty_day_measures_everything_as_no_data() -> None:
    found = measured(Outcomes("g", {}))
    assert len(found) == 3 * len(BINARY)
    assert {m.estimate.status for m in found} == {Status.NO_DATA}


def test_a_metric_that_raises_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(counts: BinaryCounts, scores: object) -> Estimate:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setitem(BINARY, "roc_auc", broken)
    found = measured()
    failed = the(found, "roc_auc", segment=ALL, model_version=ALL).estimate
    assert (failed.status, failed.reason) == (Status.ERROR, Reason.METRIC_FAILED)
    assert failed.detail == "roc_auc failed: ZeroDivisionError: float division by zero"
    assert the(found, "f1", segment=ALL, model_version=ALL).estimate.status is Status.OK


def test_counts_of_another_shape_fail_as_metrics_and_not_as_a_day() -> None:
    other = count_binary(*probabilities(500, 9), NumericCells((0.0, 0.5, 1.0)))
    found = measured(outcomes(everything=other), reference=None)
    assert the(found, "log_loss", segment=ALL).estimate.status is Status.ERROR
    assert the(found, "accuracy", segment=ALL).estimate.status is Status.OK


def test_a_reference_of_another_grid_is_refused() -> None:
    other = Outcomes("other", REFERENCE.performance, REFERENCE.labels)
    with pytest.raises(GridMismatch, match="of grid g cannot be compared with a reference of grid"):
        measured(TODAY, other)


def test_a_model_without_scores_still_has_decisions() -> None:
    counts = BinaryCounts(
        **{**vars(BinaryCounts.empty(0)), "decisions": np.array([[50, 9], [8, 33]])}
    )
    found = measure(
        monitor("binary", score=False),
        grid({}),
        Outcomes("g", {Group(ALL, ALL): counts}),
        reference=None,
        maturity="provisional",
    )
    assert the(found, "accuracy", segment=ALL).estimate.value == 0.83
    assert the(found, "roc_auc", segment=ALL).estimate.reason is Reason.NO_SCORES
    assert the(found, "brier", segment=ALL).estimate.reason is Reason.NO_SCORES


def test_a_multiclass_model_is_measured_by_class_in_the_column() -> None:
    rng = np.random.default_rng(10)
    labels = rng.integers(0, 3, 200)
    raw = np.exp(np.eye(3)[labels] + rng.standard_normal((200, 3)))
    scores = raw / raw.sum(axis=1, keepdims=True)
    counts = count_multiclass(labels, scores.argmax(axis=1), scores, 3)
    found = [
        m
        for m in measure(
            monitor("multiclass"),
            grid({}),
            Outcomes("g", {Group(ALL, ALL): counts}),
            reference=None,
            maturity=None,
        )
        if m.segment == ALL
    ]
    assert {m.metric for m in found if not m.column} == set(MULTICLASS)
    assert [(m.metric, m.column) for m in found if m.column] == [
        (metric, name) for metric in PER_CLASS for name in ("ant", "bee", "cat")
    ]
    assert all(m.estimate.status is Status.OK for m in found)


def test_a_regression_model_is_measured_with_the_grids_of_its_errors() -> None:
    rng = np.random.default_rng(11)
    targets = rng.normal(10, 3, 500)
    errors = rng.normal(0, 1, 500)
    cells, absolute = quantile_cells(errors, 50), quantile_cells(np.abs(errors), 50)
    counts = count_regression(targets, targets + errors, cells, absolute)
    outcomes = Outcomes("g", {Group(ALL, ALL): counts})
    found = measure(
        monitor("regression"),
        grid({"@residual": cells, "@absolute_residual": absolute}, regions=()),
        outcomes,
        reference=outcomes,
        maturity=None,
    )
    assert [m.metric for m in found] == list(REGRESSION)
    assert all(math.isfinite(m.estimate.value) for m in found)


def test_ranking_says_that_it_is_not_computed_yet() -> None:
    (found,) = measure(
        monitor("ranking"), grid({}), Outcomes("g", {}), reference=None, maturity=None
    )
    assert found.estimate.reason is Reason.NO_SCORES
    assert found.estimate.detail == "ranking metrics are not computed yet"


def test_decisions_cost_what_the_monitor_declares() -> None:
    priced = monitor("binary")
    costs = Costs(false_positives=2.0, false_negatives=8.0, true_positives=-1.0)
    priced = priced.model_copy(update={"model": priced.model.model_copy(update={"costs": costs})})
    counts = BinaryCounts(
        **{**vars(BinaryCounts.empty(CELLS.cell_count)),
           "decisions": np.array([[50, 10], [5, 35]])}
    )  # fmt: skip
    today = Outcomes("g", {Group(ALL, ALL): counts})
    found = measure(priced, GRID, today, reference=None, maturity="final")
    each = np.repeat([0.0, 2.0, 8.0, -1.0], [50, 10, 5, 35])
    estimate = the(found, "cost", segment=ALL).estimate
    assert estimate.value == pytest.approx(each.mean())
    assert estimate.ci_high - estimate.value == pytest.approx(1.959964 * each.std() / 10, rel=1e-6)
