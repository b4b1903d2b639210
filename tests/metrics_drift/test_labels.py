"""Labels: how many, what share, and after how many hours."""

import json

import numpy as np
import pytest
from scipy import stats

from monitoring_dagster.metrics import labels
from monitoring_dagster.metrics.groups import WHOLE
from monitoring_dagster.metrics.measurement import Reason, Status
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.outcomes import DELAY_HOURS, LabelCounts, Outcomes
from monitoring_dagster.profiles.profile import ALL, Group


def outcomes(delays: np.ndarray, predictions: int, group: Group = WHOLE) -> Outcomes:
    """Labels that came after so many whole hours each."""
    hours = np.bincount(np.minimum(delays, DELAY_HOURS), minlength=DELAY_HOURS + 1)
    return Outcomes("grid", {}, {group: LabelCounts(predictions, len(delays), hours)})


def measured(monitor, day: Outcomes, **numbers):
    rows = labels.measure(monitor, day, maturity="provisional", **numbers)
    return {(m.metric, m.segment, m.model_version): m for m in rows}


def test_coverage_is_the_labelled_share_with_a_wilson_interval(monitor) -> None:
    found = measured(monitor, outcomes(np.full(180, 30), predictions=200))
    coverage = found["label_coverage", ALL, ALL]
    wilson = stats.binomtest(180, 200).proportion_ci(method="wilson")
    assert (coverage.estimate.value, coverage.estimate.n) == (0.9, 200)
    assert (coverage.estimate.ci_low, coverage.estimate.ci_high) == pytest.approx(
        (wilson.low, wilson.high)
    )
    assert (coverage.coverage, coverage.maturity) == (0.9, "provisional")
    assert found["labelled", ALL, ALL].estimate.value == 180
    assert found["predictions", ALL, ALL].estimate.value == 200


def test_delays_are_percentiles_of_hours(monitor) -> None:
    exact = np.random.default_rng(51).exponential(48, 2_000)
    found = measured(monitor, outcomes(exact.astype(int), predictions=2_000))
    for metric, share in (("label_delay_p50", 0.5), ("label_delay_p90", 0.9)):
        estimate = found[metric, ALL, ALL].estimate
        assert estimate.value == pytest.approx(np.quantile(exact, share), abs=1)
        assert estimate.ci_low < estimate.value < estimate.ci_high


def test_a_delay_beyond_sixty_days_is_said_to_be_beyond(monitor) -> None:
    found = measured(monitor, outcomes(np.full(50, 2_000), predictions=50))
    estimate = found["label_delay_p50", ALL, ALL].estimate
    assert (estimate.status, estimate.reason) == (Status.NO_DATA, Reason.BEYOND_GRID)
    assert estimate.detail == "it is longer than 1440 hours"


@pytest.mark.parametrize(
    ("known", "reason"),
    [(0, Reason.NO_LABELS), (29, Reason.TOO_FEW_ROWS)],
    ids=["no label", "29 labels"],
)
def test_few_labels_have_a_coverage_and_no_delay(known: int, reason: Reason, monitor) -> None:
    found = measured(monitor, outcomes(np.full(known, 5), predictions=100))
    assert found["label_coverage", ALL, ALL].estimate.value == known / 100
    assert found["label_delay_p50", ALL, ALL].estimate.reason is reason


def test_segments_and_versions_have_their_own_rows(monitor) -> None:
    ua, v2 = Group(ALL, "carrier=UA"), Group("v2", ALL)
    crossed = Group("v2", "carrier=UA")
    day = outcomes(np.full(40, 5), 50)
    for group in (ua, v2, crossed):
        day += outcomes(np.full(30, 5), 40, group)
    found = measured(monitor, day)
    assert found["label_coverage", "carrier=UA", ALL].estimate.value == 0.75
    assert found["label_coverage", ALL, "v2"].estimate.value == 0.75
    assert ("label_coverage", "carrier=UA", "v2") not in found


def test_a_day_without_predictions_still_has_its_rows(monitor) -> None:
    found = measured(monitor, Outcomes("grid", {}, {}))
    assert len(found) == 7
    reasons = {metric: m.estimate.reason for (metric, *_), m in found.items()}
    assert {reasons.pop(metric) for metric in ("orphan_labels", "relabelled")} == {Reason.NO_LABELS}
    assert set(reasons.values()) == {Reason.NO_ROWS}
    assert {m.coverage for m in found.values()} == {None}


def test_orphans_and_changed_labels_are_passed_on(monitor) -> None:
    found = measured(monitor, outcomes(np.full(40, 5), 50), orphans=3, relabelled=0)
    assert found["orphan_labels", ALL, ALL].estimate.value == 3
    assert found["relabelled", ALL, ALL].estimate.value == 0


def test_labels_without_a_time_of_arrival_owe_no_delay(document) -> None:
    columns = {k: v for k, v in document["columns"].items() if k != "known_at"}
    bare = Monitor.model_validate_json(json.dumps(document | {"columns": columns}))
    found = measured(bare, outcomes(np.full(40, 5), 50))
    assert {metric for metric, _, _ in found if "delay" in metric} == set()
