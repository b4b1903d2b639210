"""Binary metrics against scikit-learn and other independent sources, on the same rows."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.metrics.performance.binary.registry import REGISTRY
from monitoring_dagster.metrics.performance.binary.roc_auc import delong
from monitoring_dagster.metrics.performance.binary.score_cells import cell_scores
from monitoring_dagster.profiles.grid import NumericCells
from monitoring_dagster.profiles.outcomes import BinaryCounts
from tests.metrics_performance.counting import (
    count_binary,
    decided,
    probabilities,
    quantile_cells,
    scored,
)

GRID = quantile_cells(probabilities(50_000, seed=1)[1])
STANDS_FOR = cell_scores(GRID)


BETWEEN = np.array([0.0, 0.2, 0.8, 1.0])


def inner(table: list[list[int]]) -> BinaryCounts:
    """Scores in the inner cells only."""
    return scored(np.array([[0, 0], *table, [0, 0]]))


def value(metric: str, counts: BinaryCounts) -> Estimate:
    estimate = REGISTRY[metric](counts, STANDS_FOR)
    assert estimate.status is Status.OK, estimate
    return estimate


OF_DECISIONS = {
    "accuracy": lambda sk, y, d: sk.accuracy_score(y, d),
    "balanced_accuracy": lambda sk, y, d: sk.balanced_accuracy_score(y, d),
    "precision": lambda sk, y, d: sk.precision_score(y, d),
    "recall": lambda sk, y, d: sk.recall_score(y, d),
    "specificity": lambda sk, y, d: sk.recall_score(y, d, pos_label=0),
    "f1": lambda sk, y, d: sk.f1_score(y, d),
    "mcc": lambda sk, y, d: sk.matthews_corrcoef(y, d),
    "true_negatives": lambda sk, y, d: sk.confusion_matrix(y, d)[0, 0],
    "false_positives": lambda sk, y, d: sk.confusion_matrix(y, d)[0, 1],
    "false_negatives": lambda sk, y, d: sk.confusion_matrix(y, d)[1, 0],
    "true_positives": lambda sk, y, d: sk.confusion_matrix(y, d)[1, 1],
    "predicted_positive_rate": lambda _, __, d: d.mean(),
    "base_rate": lambda _, y, __: y.mean(),
}

TABLES = {
    "a useful model": (50, 10, 5, 35),
    "rare positives": (9_800, 120, 50, 30),
    "a model worse than chance": (5, 40, 45, 10),
    "a perfect model": (60, 0, 0, 40),
    "a model that is always wrong": (0, 60, 40, 0),
    "one false alarm": (60, 1, 0, 40),
}


@pytest.mark.parametrize("metric", OF_DECISIONS)
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_functions_of_the_confusion_matrix_equal_scikit_learn(
    sklearn: ModuleType, metric: str, table: tuple[int, int, int, int]
) -> None:
    labels = np.repeat([0, 0, 1, 1], table)
    decisions = np.repeat([0, 1, 0, 1], table)
    estimate = value(metric, decided(*table))
    assert estimate.value == pytest.approx(
        OF_DECISIONS[metric](sklearn, labels, decisions), abs=1e-14
    )


@pytest.mark.parametrize("seed", range(5))
def test_roc_auc_is_within_1e_4_of_scikit_learn(sklearn: ModuleType, seed: int) -> None:
    labels, scores = probabilities(3_000, seed=100 + seed)
    estimate = value("roc_auc", count_binary(labels, scores, GRID))
    assert estimate.value == pytest.approx(sklearn.roc_auc_score(labels, scores), abs=1e-4)
    assert estimate.n == 3_000


@pytest.mark.parametrize(
    ("base", "tolerance"),
    [(-0.5, 1e-3), (-3.0, 5e-3)],
    ids=["positives are common", "positives are rare and share the first cells"],
)
@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_near_scikit_learns(
    sklearn: ModuleType, base: float, tolerance: float, seed: int
) -> None:
    labels, scores = probabilities(3_000, seed=200 + seed, base=base)
    cells = quantile_cells(probabilities(50_000, seed=2, base=base)[1])
    estimate = value("average_precision", count_binary(labels, scores, cells))
    truth = sklearn.average_precision_score(labels, scores)
    assert estimate.value == pytest.approx(truth, abs=tolerance)


def test_tied_scores_give_scikit_learns_values_to_the_last_digit(sklearn: ModuleType) -> None:
    labels, scores = probabilities(500, seed=3)
    scores = np.round(scores, 1)
    cells = NumericCells(tuple(np.arange(-1, 11) / 10), is_discrete=True)
    counts = count_binary(labels, scores, cells)
    assert value("roc_auc", counts).value == pytest.approx(
        sklearn.roc_auc_score(labels, scores), abs=1e-14
    )
    assert value("average_precision", counts).value == pytest.approx(
        sklearn.average_precision_score(labels, scores), abs=1e-14
    )


def rowwise_delong(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """DeLong et al. 1988, equations 3 to 6, pair by pair."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    above = positive[:, None] > negative[None, :]
    kernel = above + 0.5 * (positive[:, None] == negative[None, :])
    of_positive, of_negative = kernel.mean(axis=1), kernel.mean(axis=0)
    variance = of_positive.var(ddof=1) / positive.size + of_negative.var(ddof=1) / negative.size
    return float(kernel.mean()), float(variance)


@pytest.mark.parametrize(
    ("n", "digits"),
    [(400, 1), (400, 2), (60, 1)],
    ids=["many ties", "few ties", "a small day"],
)
def test_delongs_variance_from_counts_equals_the_variance_from_rows(n: int, digits: int) -> None:
    labels, scores = probabilities(n, seed=4)
    scores = np.round(scores, digits)
    steps = 10**digits
    counts = count_binary(labels, scores, NumericCells(tuple(np.arange(-1, steps + 1) / steps)))
    assert delong(counts.scores) == pytest.approx(rowwise_delong(labels, scores), rel=1e-12)


def test_log_loss_and_brier_are_exact(sklearn: ModuleType) -> None:
    labels, scores = probabilities(2_000, seed=5)
    counts = count_binary(labels, scores, GRID)
    assert value("log_loss", counts).value == pytest.approx(
        sklearn.log_loss(labels, scores), rel=1e-12
    )
    assert value("brier", counts).value == pytest.approx(
        sklearn.brier_score_loss(labels, scores), rel=1e-12
    )


def rowwise_ece(labels: np.ndarray, scores: np.ndarray) -> float:
    total = 0.0
    for i in range(20):
        inside = (scores >= i / 20) & (scores < (i + 1) / 20)
        if inside.any():
            total += inside.sum() * abs(labels[inside].mean() - scores[inside].mean())
    return total / len(labels)


def test_ece_equals_its_definition_on_rows() -> None:
    labels, scores = probabilities(2_000, seed=6)
    counts = count_binary(labels, scores, GRID)
    assert value("ece", counts).value == pytest.approx(rowwise_ece(labels, scores), abs=1e-12)


@pytest.mark.parametrize("n", [100, 1_000], ids=["a small day", "a usual day"])
def test_the_bias_floor_is_the_mean_ece_of_a_calibrated_model(n: int) -> None:
    rng = np.random.default_rng(7)
    scores = probabilities(n, seed=8)[1]
    simulated = [rowwise_ece((rng.random(n) < scores).astype(int), scores) for _ in range(1_000)]
    counts = count_binary(np.zeros(n, dtype=int), scores, GRID)
    floor = value("ece_bias_floor", counts).value
    standard_error = np.std(simulated) / math.sqrt(len(simulated))
    assert floor == pytest.approx(np.mean(simulated), abs=4 * standard_error)


def test_the_bias_floor_matches_the_published_figure() -> None:
    # 10 bins, p (1 - p) = 0.15: 0.031 at n = 1,000 and 0.0098 at n = 10,000.
    rate = (1 - math.sqrt(0.4)) / 2
    for n, published in ((1_000, 0.031), (10_000, 0.0098)):
        bins = np.zeros(20)
        bins[:10] = n / 10
        counts = BinaryCounts(
            **{
                **vars(scored(np.array([[n, 0]]))),
                "bin_rows": bins.astype(int),
                "bin_scores": bins * rate,
            }
        )
        floor = REGISTRY["ece_bias_floor"](counts, np.array([0.5])).value
        assert floor == pytest.approx(published, rel=0.02)


def test_the_calibration_slope_is_that_of_a_logistic_regression_on_rows() -> None:
    from sklearn.linear_model import LogisticRegression

    labels, scores = probabilities(4_000, seed=9)
    stretched = 1 / (1 + (1 / scores - 1) ** 2)  # twice the log odds: a slope of one half
    cells = quantile_cells(stretched)
    counts = count_binary(labels, stretched, cells)
    estimate = REGISTRY["calibration_slope"](counts, cell_scores(cells))
    odds = np.log(stretched / (1 - stretched))[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, labels)
    assert estimate.value == pytest.approx(oracle.coef_[0, 0], abs=2e-3)
    assert estimate.ci_low < 0.5 < estimate.ci_high


def test_the_calibration_intercept_makes_the_mean_score_right() -> None:
    labels, scores = probabilities(4_000, seed=10)
    too_low = 1 / (1 + np.exp(0.7) * (1 / scores - 1))
    cells = quantile_cells(too_low)
    estimate = REGISTRY["calibration_intercept"](
        count_binary(labels, too_low, cells), cell_scores(cells)
    )
    # Its defining equation on rows: shifted by the intercept, scores add up to the positives.
    shifted = 1 / (1 + np.exp(-estimate.value) * (1 / too_low - 1))
    assert shifted.sum() == pytest.approx(labels.sum(), abs=2)
    assert estimate.ci_low < 0.7 < estimate.ci_high


WITHOUT = {
    "no labels at all": (decided(0, 0, 0, 0), "roc_auc", Reason.NO_LABELS),
    "no labels for decisions either": (decided(0, 0, 0, 0), "f1", Reason.NO_LABELS),
    "labels without a score": (decided(9, 1, 1, 9), "roc_auc", Reason.NO_SCORES),
    "labels without a score to sum": (decided(9, 1, 1, 9), "ece", Reason.NO_SCORES),
    "scores without a decision": (inner([[5, 1], [1, 5]]), "accuracy", Reason.COLUMN_MISSING),
    "only negative labels": (inner([[5, 0], [9, 0]]), "roc_auc", Reason.ONE_CLASS_ONLY),
    "only positive labels": (inner([[0, 5], [0, 9]]), "average_precision", Reason.ONE_CLASS_ONLY),
    "recall without positives": (decided(9, 1, 0, 0), "recall", Reason.ONE_CLASS_ONLY),
    "specificity without negatives": (decided(0, 0, 2, 8), "specificity", Reason.ONE_CLASS_ONLY),
    "nothing but true negatives": (decided(9, 0, 0, 0), "f1", Reason.ONE_CLASS_ONLY),
    "mcc of one class": (decided(9, 1, 0, 0), "mcc", Reason.ONE_CLASS_ONLY),
    "precision without a positive decision": (
        decided(9, 0, 1, 0),
        "precision",
        Reason.NO_PREDICTED_POSITIVES,
    ),
    "a slope through one cell": (
        inner([[0, 0], [5, 5]]),
        "calibration_slope",
        Reason.CONSTANT_SCORE,
    ),
    "a slope between separate classes": (
        inner([[5, 0], [3, 4]]),
        "calibration_slope",
        Reason.SEPARATED_CLASSES,
    ),
    "an intercept of one class": (
        inner([[5, 0], [3, 0]]),
        "calibration_intercept",
        Reason.ONE_CLASS_ONLY,
    ),
}


@pytest.mark.parametrize(("counts", "metric", "reason"), WITHOUT.values(), ids=WITHOUT)
def test_what_is_undefined_says_why(counts: BinaryCounts, metric: str, reason: Reason) -> None:
    estimate = REGISTRY[metric](counts, BETWEEN)
    assert estimate.reason is reason
    assert estimate.status in (Status.NO_DATA, Status.NOT_ENOUGH_DATA)
    assert math.isnan(estimate.value)
    assert estimate.detail


def test_scores_that_are_not_probabilities_have_an_auc_and_no_log_loss() -> None:
    counts = inner([[5, 1], [1, 5]])
    margins = np.array([-3.5, -1.0, 1.0, 4.0])
    assert REGISTRY["roc_auc"](counts, margins).value == pytest.approx(5 / 6)
    refused = REGISTRY["log_loss"](counts, margins)
    assert refused.reason is Reason.BEYOND_GRID
    assert refused.detail == (
        "the scores of the reference reach from -3.5 to 4; "
        "a probability between 0 and 1 is required"
    )


@pytest.mark.parametrize(
    ("metric", "table"),
    [
        ("f1", (60, 0, 0, 40)),
        ("mcc", (60, 0, 0, 40)),
        ("mcc", (0, 60, 40, 0)),
        ("mcc", (60, 0, 40, 0)),
        ("balanced_accuracy", (60, 0, 0, 40)),
        ("precision", (60, 0, 0, 40)),
    ],
    ids=[
        "a perfect F1",
        "a perfect correlation",
        "a perfect opposite",
        "a constant decision",
        "a perfect balance",
        "a perfect precision",
    ],
)
def test_an_interval_has_a_width_where_nothing_varies(
    metric: str, table: tuple[int, int, int, int]
) -> None:
    estimate = value(metric, decided(*table))
    assert estimate.ci_low <= estimate.value <= estimate.ci_high
    assert estimate.ci_high - estimate.ci_low > 0.01


@pytest.mark.parametrize(
    ("table", "area", "low", "high"),
    [
        ([[30, 0], [0, 20]], 1.0, 0.9, 1.0),
        ([[0, 20], [30, 0]], 0.0, 0.0, 0.1),
        ([[10, 0], [0, 1], [10, 0]], 0.5, 0.05, 0.95),
    ],
    ids=["a perfect order", "a reversed order", "a single positive"],
)
def test_the_area_has_an_interval_where_delong_has_none(
    table: list[list[int]], area: float, low: float, high: float
) -> None:
    estimate = value("roc_auc", inner(table))
    assert estimate.value == area
    assert low <= estimate.ci_low <= area <= estimate.ci_high <= high
    assert estimate.ci_high - estimate.ci_low > 0.01


def test_scores_that_the_cells_cannot_order_have_no_area_but_exact_sums() -> None:
    labels, scores = probabilities(2_000, seed=12)
    narrow = NumericCells(tuple(np.linspace(0.001, 0.05, 100).tolist()))
    counts, stands_for = count_binary(labels, scores, narrow), cell_scores(narrow)
    above = int((scores > 0.05).sum())
    for metric in ("roc_auc", "average_precision", "calibration_slope", "calibration_intercept"):
        estimate = REGISTRY[metric](counts, stands_for)
        assert estimate.reason is Reason.BEYOND_GRID
        assert f"{above} above the cells of the reference" in estimate.detail
    loss = REGISTRY["log_loss"](counts, stands_for)
    assert loss.value == counts.log_loss / 2_000
    assert math.isnan(loss.ci_low)


def test_a_few_scores_beyond_the_reference_do_not_cost_the_area(sklearn: ModuleType) -> None:
    labels, scores = probabilities(2_000, seed=13)
    most = NumericCells(tuple(np.quantile(scores, np.linspace(0.02, 0.98, 500)).tolist()))
    estimate = value("roc_auc", count_binary(labels, scores, most))
    assert estimate.value == pytest.approx(sklearn.roc_auc_score(labels, scores), abs=1e-3)
