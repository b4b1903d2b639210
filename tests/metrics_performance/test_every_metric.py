"""The contract of every registered metric, and properties that hold for whatever is counted."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY as BINARY
from monitoring_dagster.metrics.performance.binary.score_cells import cell_scores
from monitoring_dagster.metrics.performance.multiclass.registry import PER_CLASS
from monitoring_dagster.metrics.performance.multiclass.registry import REGISTRY as MULTICLASS
from monitoring_dagster.metrics.performance.regression.error_cells import ErrorEdges
from monitoring_dagster.metrics.performance.regression.registry import REGISTRY as REGRESSION
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts, MulticlassCounts, RegressionCounts
from tests.metrics_performance.counting import count_binary, count_multiclass, count_regression

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CELLS = NumericCells(tuple(np.linspace(0, 1, 21).tolist()))
STANDS_FOR = cell_scores(CELLS)
ERROR_CELLS = NumericCells(tuple(np.linspace(-50, 50, 101).tolist()))
ABSOLUTE_CELLS = NumericCells(tuple(np.linspace(0, 50, 101).tolist()))
EDGES = ErrorEdges.of(ERROR_CELLS, ABSOLUTE_CELLS)
CLASSES = ["ant", "bee", "cat"]


def binary(labels: list[int], scores: list[float]) -> BinaryCounts:
    return count_binary(np.array(labels, dtype=int), np.array(scores, dtype=float), CELLS)


def multiclass(labels: list[int], predictions: list[int]) -> MulticlassCounts:
    scores = 0.1 + 0.7 * np.eye(3)[np.array(predictions, dtype=int)]
    return count_multiclass(
        np.array(labels, dtype=int), np.array(predictions, dtype=int), scores, 3
    )


def regression(targets: list[float], predictions: list[float]) -> RegressionCounts:
    return count_regression(
        np.array(targets, dtype=float),
        np.array(predictions, dtype=float),
        ERROR_CELLS,
        ABSOLUTE_CELLS,
    )


def of_class(metric: Callable[..., Estimate]) -> Callable[[MulticlassCounts], Estimate]:
    return lambda counts: metric(counts, CLASSES, 0)


def with_context(metric: Callable[..., Estimate], context: object) -> Callable[..., Estimate]:
    return lambda counts: metric(counts, context)


METRICS: dict[str, dict[str, Callable[..., Estimate]]] = {
    "binary": {m: with_context(f, STANDS_FOR) for m, f in BINARY.items()},
    "multiclass": {m: with_context(f, CLASSES) for m, f in MULTICLASS.items()}
    | {f"{m} of a class": of_class(f) for m, f in PER_CLASS.items()},
    "regression": {m: with_context(f, EDGES) for m, f in REGRESSION.items()},
}

DAYS = {
    "an empty day": {
        "binary": binary([], []),
        "multiclass": multiclass([], []),
        "regression": regression([], []),
    },
    "one row": {
        "binary": binary([1], [0.7]),
        "multiclass": multiclass([1], [1]),
        "regression": regression([3.0], [4.0]),
    },
    "one class": {
        "binary": binary([0] * 40, [0.1, 0.7] * 20),
        "multiclass": multiclass([0] * 40, [0, 1] * 20),
        "regression": regression([7.0] * 40, [6.0, 8.0] * 20),
    },
    "all in one cell": {
        "binary": binary([0, 1] * 20, [0.62] * 40),
        "multiclass": multiclass([0, 1, 2] * 20, [1] * 60),
        "regression": regression([5.0, 7.0] * 20, [6.3, 8.3] * 20),
    },
    "everything right": {
        "binary": binary([0, 1] * 20, [0.02, 0.98] * 20),
        "multiclass": multiclass([0, 1, 2] * 20, [0, 1, 2] * 20),
        "regression": regression([5.0, 7.0] * 20, [5.0, 7.0] * 20),
    },
    "everything wrong": {
        "binary": binary([1, 0] * 20, [0.02, 0.98] * 20),
        "multiclass": multiclass([0, 1, 2] * 20, [1, 2, 0] * 20),
        "regression": regression([0.0, 0.0] * 20, [1e9, -1e9] * 20),
    },
}

CASES = [(family, metric) for family, metrics in METRICS.items() for metric in metrics]


def keeps_the_contract(estimate: Estimate) -> None:
    """Finite with an ordered interval, or a status with a reason and a text."""
    if estimate.status is Status.OK:
        assert math.isfinite(estimate.value)
        assert estimate.n > 0
        for low, high in ((estimate.ci_low, estimate.value), (estimate.value, estimate.ci_high)):
            assert math.isnan(low) or math.isnan(high) or low <= high + 1e-12 * abs(high)
        assert not math.isinf(estimate.ci_low)
        assert not math.isinf(estimate.ci_high)
        assert type(estimate.value) is float
        assert type(estimate.n) is int
    else:
        assert math.isnan(estimate.value)
        assert estimate.reason is not Reason.COMPUTED
        assert estimate.detail


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize(("family", "metric"), CASES)
def test_every_metric_is_finite_or_says_why_not(family: str, metric: str, day: str) -> None:
    keeps_the_contract(METRICS[family][metric](DAYS[day][family]))


@pytest.mark.parametrize(("family", "metric"), CASES)
def test_counts_read_back_as_numpy_numbers_measure_the_same(family: str, metric: str) -> None:
    counts = DAYS["everything wrong"][family]
    read_back = type(counts)(**{name: np.asarray(v)[()] for name, v in vars(counts).items()})
    estimate = METRICS[family][metric](read_back)
    keeps_the_contract(estimate)
    assert same(estimate, METRICS[family][metric](counts))


@pytest.mark.parametrize(("family", "metric"), CASES)
def test_an_empty_day_has_no_labels_for_any_metric(family: str, metric: str) -> None:
    estimate = METRICS[family][metric](DAYS["an empty day"][family])
    assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.NO_LABELS)


PERFECT = {
    "binary": "roc_auc average_precision accuracy balanced_accuracy precision recall specificity "
    "f1 mcc",
    "multiclass": "accuracy precision_macro recall_macro f1_macro f1_micro f1_weighted "
    "roc_auc_macro",
    "regression": "r2",
}


@pytest.mark.parametrize(
    ("family", "metric"), [(f, m) for f, names in PERFECT.items() for m in names.split()]
)
def test_a_perfect_model_scores_one(family: str, metric: str) -> None:
    estimate = METRICS[family][metric](DAYS["everything right"][family])
    assert estimate.value == pytest.approx(1.0, abs=1e-14)


def rows_of_scores() -> st.SearchStrategy[list[tuple[int, float]]]:
    return st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), max_size=60)


def same(one: Estimate, other: Estimate) -> bool:
    """Equal up to the order in which sums were added."""
    numbers = zip(
        (one.value, one.ci_low, one.ci_high),
        (other.value, other.ci_low, other.ci_high),
        strict=True,
    )
    return (one.n, one.status, one.reason) == (other.n, other.status, other.reason) and all(
        a == pytest.approx(b, rel=1e-6, abs=1e-9, nan_ok=True) for a, b in numbers
    )


@settings(max_examples=60, deadline=None)
@given(rows_of_scores(), rows_of_scores())
def test_added_binary_outcomes_measure_like_the_rows_together(
    one: list[tuple[int, float]], other: list[tuple[int, float]]
) -> None:
    def count(rows: list[tuple[int, float]]) -> BinaryCounts:
        return binary([label for label, _ in rows], [score for _, score in rows])

    added, together = count(one) + count(other), count(one + other)
    for metric in METRICS["binary"].values():
        estimate = metric(together)
        keeps_the_contract(estimate)
        assert same(metric(added), estimate)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=60), st.integers(0, 60))
def test_added_multiclass_outcomes_measure_like_the_rows_together(
    rows: list[tuple[int, int]], cut: int
) -> None:
    def count(part: list[tuple[int, int]]) -> MulticlassCounts:
        return multiclass([label for label, _ in part], [guess for _, guess in part])

    added = count(rows[:cut]) + count(rows[cut:])
    for metric in METRICS["multiclass"].values():
        estimate = metric(count(rows))
        keeps_the_contract(estimate)
        assert same(metric(added), estimate)


amounts = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(amounts, amounts), max_size=60), st.integers(0, 60))
def test_added_regression_outcomes_measure_like_the_rows_together(
    rows: list[tuple[float, float]], cut: int
) -> None:
    def count(part: list[tuple[float, float]]) -> RegressionCounts:
        return regression([target for target, _ in part], [guess for _, guess in part])

    added = count(rows[:cut]) + count(rows[cut:])
    for metric in METRICS["regression"].values():
        estimate = metric(count(rows))
        keeps_the_contract(estimate)
        assert same(metric(added), estimate)


score_tables = hnp.arrays(np.int64, (22, 2), elements=st.integers(0, 1_000))


@settings(max_examples=80, deadline=None)
@given(score_tables)
def test_the_area_of_flipped_labels_is_what_is_missing_to_one(table: Ints) -> None:
    counts = BinaryCounts(**{**vars(BinaryCounts.empty(22)), "scores": table})
    flipped = BinaryCounts(**{**vars(counts), "scores": table[:, ::-1]})
    area, opposite = (METRICS["binary"]["roc_auc"](c) for c in (counts, flipped))
    assert area.status is opposite.status
    if area.status is Status.OK:
        assert area.value + opposite.value == pytest.approx(1)
        assert area.ci_low + opposite.ci_high == pytest.approx(1)


@settings(max_examples=80, deadline=None)
@given(score_tables)
def test_metrics_of_scores_keep_the_contract_whatever_was_counted(table: Ints) -> None:
    counts = BinaryCounts(**{**vars(BinaryCounts.empty(22)), "scores": table})
    for metric in ("roc_auc", "average_precision", "calibration_slope", "calibration_intercept"):
        keeps_the_contract(METRICS["binary"][metric](counts))


@settings(max_examples=200, deadline=None)
@given(hnp.arrays(np.int64, (2, 2), elements=st.integers(0, 10**9)))
def test_metrics_of_decisions_stay_in_their_range(table: Ints) -> None:
    counts = BinaryCounts(**{**vars(BinaryCounts.empty(0)), "decisions": table})
    for name in (
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "specificity",
        "f1",
        "mcc",
    ):
        estimate = METRICS["binary"][name](counts)
        keeps_the_contract(estimate)
        if estimate.status is Status.OK:
            assert (-1 if name == "mcc" else 0) <= estimate.ci_low
            assert estimate.ci_high <= 1 + 1e-12
