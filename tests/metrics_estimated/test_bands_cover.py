"""Bands hold the realised metric as often as they say, and widen with what they missed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from monitoring_dagster.metrics.estimated.bands import DayError, DayErrors, Missed

METRICS = ("roc_auc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1")


def realised(day: Any) -> dict[str, float]:
    labels, decided = day.labels, day.scores >= 0.5
    return {
        "roc_auc": metrics.roc_auc_score(labels, day.scores),
        "average_precision": metrics.average_precision_score(labels, day.scores),
        "accuracy": metrics.accuracy_score(labels, decided),
        "precision": metrics.precision_score(labels, decided),
        "recall": metrics.recall_score(labels, decided),
        "specificity": metrics.recall_score(labels, decided, pos_label=0),
        "f1": metrics.f1_score(labels, decided),
    }


def coverage(simulation: Any, *, rows: int, references: int, spread: float) -> dict[str, float]:
    """Share of days inside the band, over references of 15 days; days differ by `spread`."""
    inside: dict[str, list[bool]] = {m: [] for m in METRICS}
    random = np.random.default_rng(11)
    for _ in range(references):
        drawn = [
            simulation.Sample.drawn(random, rows, drift=spread * random.standard_normal())
            for _ in range(15 + 40)
        ]
        small = simulation.Small.of(drawn[:15])
        estimates = small.estimates()
        for day in drawn[15:]:
            found, truth = estimates.measure(small.profile(day)), realised(day)
            for metric in METRICS:
                estimate = simulation.found(found, f"estimated_{metric}")
                inside[metric].append(estimate.ci_low <= truth[metric] <= estimate.ci_high)
    return {metric: float(np.mean(found)) for metric, found in inside.items()}


def test_at_300_rows_a_day_bands_cover_95_percent(simulation: Any) -> None:
    found = coverage(simulation, rows=300, references=7, spread=0.0)
    assert all(0.92 <= share <= 0.99 for share in found.values()), found


def test_where_days_differ_bands_still_cover(simulation: Any) -> None:
    found = coverage(simulation, rows=300, references=7, spread=0.25)
    assert all(0.92 <= share <= 0.99 for share in found.values()), found


def test_a_bad_record_widens_the_band_of_the_whole_and_of_segments(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 10))
    day = small.profile(simulation.days(2, 1)[0])
    estimates = small.estimates()
    before = estimates.measure(day)
    after = estimates.measure(day, record={"estimated_roc_auc": [0.08] * 10})
    for segment in ("all", "region=north"):
        narrow, wide = (
            simulation.found(found, "estimated_roc_auc", segment) for found in (before, after)
        )
        assert wide.value == narrow.value
        assert wide.ci_high - wide.ci_low > 1.5 * (narrow.ci_high - narrow.ci_low)
        unchanged = simulation.found(after, "estimated_f1", segment)
        assert unchanged == simulation.found(before, "estimated_f1", segment)


def test_a_lucky_record_does_not_narrow_the_band(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 10))
    day = small.profile(simulation.days(2, 1)[0])
    estimates = small.estimates()
    record = {"estimated_roc_auc": [0.0] * 50, "estimated_f1": [float("nan")]}
    assert estimates.measure(day, record=record) == estimates.measure(day)


def test_what_was_learnt_can_be_kept_and_given_back(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 10))
    learnt = small.estimates().day_errors
    assert learnt.of_metric("roc_auc").days == 10
    again = DayErrors.from_json(learnt.to_json())
    day = small.profile(simulation.days(2, 1)[0])
    assert small.estimates(day_errors=again).measure(day) == small.estimates().measure(day)


def test_few_days_reach_further() -> None:
    """With days alone behind the variance it is Student's quantile."""
    from scipy import stats

    error = DayError.of([Missed(0.01, 0.0), Missed(-0.01, 0.0), Missed(0.01, 0.0)])
    assert error.reach(0.0) == pytest.approx(stats.t.ppf(0.975, 3))
    assert error.reach(1.0) == pytest.approx(1.96, abs=1e-3)
