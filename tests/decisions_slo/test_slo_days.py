"""What an objective says of a day: good, bad or undecided, why, and what the shortfall costs."""

import math

import pytest

from monitoring_dagster.decisions.slo import State, judge
from monitoring_dagster.decisions.verdict import Cost, Reason
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status
from monitoring_dagster.metrics.measurement import Reason as Cause
from monitoring_dagster.monitors.contract import Kpi, Slo

AUC = Slo(name="discrimination", metric="roc_auc", at_least=0.7)
LATENCY = Slo(name="fast_enough", metric="latency_p95", at_most=0.25)
NAN = math.nan


def measured(value: float, low: float = NAN, high: float = NAN, **more) -> Measurement:
    return Measurement("any", Estimate(value, low, high, n=100), **more)


DAYS = {
    "an interval above a lower bound is good": (AUC, (0.75, 0.72, 0.78), "good", "met"),
    "a value on the bound is good": (AUC, (0.7, 0.6, 0.8), "good", "met"),
    "a value above the bound is good though its interval is not": (
        AUC,
        (0.71, 0.68, 0.74),
        "good",
        "met",
    ),
    "a miss within the interval is good": (AUC, (0.69, 0.66, 0.72), "good", "within_noise"),
    "an interval that ends at the bound is good": (AUC, (0.66, 0.62, 0.7), "good", "within_noise"),
    "an interval below a lower bound is bad": (AUC, (0.66, 0.63, 0.69), "bad", "missed"),
    "an interval above an upper bound is bad": (LATENCY, (0.3, 0.26, 0.34), "bad", "missed"),
    "a miss of an upper bound within the interval is good": (
        LATENCY,
        (0.26, 0.24, 0.28),
        "good",
        "within_noise",
    ),
    "an exact value is compared itself": (LATENCY, (0.2501, NAN, NAN), "bad", "missed"),
    "an exact value on the bound is good": (LATENCY, (0.25, NAN, NAN), "good", "met"),
    "an interval that is open away from the bound can be bad": (
        LATENCY,
        (0.3, 0.26, NAN),
        "bad",
        "missed",
    ),
    "an interval that is open towards the bound decides nothing": (
        AUC,
        (0.66, 0.6, NAN),
        "undecided",
        "undecided",
    ),
    "a value that is not a number decides nothing": (AUC, (NAN, 0.6, 0.65), "undecided", None),
}


@pytest.mark.parametrize(("slo", "numbers", "state", "reason"), DAYS.values(), ids=DAYS)
def test_a_day_is_bad_only_beyond_noise(slo: Slo, numbers, state: str, reason) -> None:
    day = judge(slo, measured(*numbers))
    assert day.state == state
    assert reason is None or day.reason == reason


def test_the_shortfall_is_the_distance_beyond_the_objective_with_its_interval() -> None:
    day = judge(AUC, measured(0.66, 0.6, 0.69))
    assert (day.shortfall, day.shortfall_low, day.shortfall_high) == pytest.approx(
        (0.04, 0.01, 0.1)
    )
    day = judge(LATENCY, measured(0.35, 0.2, NAN))
    assert (day.shortfall, day.shortfall_low) == pytest.approx((0.1, 0.0))
    assert math.isnan(day.shortfall_high)
    met = judge(AUC, measured(0.75, 0.65, 0.85))
    assert (met.shortfall, met.shortfall_low, met.shortfall_high) == pytest.approx((0, 0, 0.05))


def test_an_exact_shortfall_has_no_width() -> None:
    day = judge(LATENCY, measured(0.35))
    assert day.shortfall == day.shortfall_low == day.shortfall_high == pytest.approx(0.1)


def test_a_shortfall_costs_its_units_with_its_interval() -> None:
    kpi = Kpi(name="missed upsells", cost_per_unit=50_000.0, currency="EUR")
    slo = AUC.model_copy(update={"kpi": kpi})
    cost = judge(slo, measured(0.66, 0.62, 0.69)).cost
    expected = Cost(2_000.0, 500.0, 4_000.0, "EUR", "missed upsells")
    assert cost is not None
    assert (cost.value, cost.low, cost.high) == pytest.approx((2_000.0, 500.0, 4_000.0))
    assert (cost.currency, cost.what) == (expected.currency, expected.what)
    assert judge(AUC, measured(0.66, 0.62, 0.69)).cost is None


def test_labels_that_still_arrive_decide_nothing_but_show_the_shortfall() -> None:
    day = judge(AUC, measured(0.6, 0.58, 0.62, maturity="provisional"))
    assert (day.state, day.reason) == (State.UNDECIDED, Reason.PROVISIONAL)
    assert day.shortfall == pytest.approx(0.1)
    final = judge(AUC, measured(0.6, 0.58, 0.62, maturity="final"))
    assert final.state is State.BAD


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (Status.NO_DATA, Cause.NO_ROWS),
        (Status.NOT_ENOUGH_DATA, Cause.TOO_FEW_ROWS),
        (Status.ERROR, Cause.METRIC_FAILED),
        (Status.SUPPRESSED, Cause.QUALITY_CHECK_FAILED),
    ],
    ids=str,
)
def test_without_a_value_a_day_is_neither_and_says_why(status: Status, cause: Cause) -> None:
    kpi = Kpi(name="lost orders", cost_per_unit=1.0, currency="EUR")
    day = judge(
        AUC.model_copy(update={"kpi": kpi}),
        Measurement("roc_auc", Estimate.without(status, cause)),
    )
    assert (day.state, day.reason, day.cost) == (State.UNDECIDED, cause, None)
    assert math.isnan(day.shortfall)


def test_a_day_that_nobody_measured_is_undecided() -> None:
    day = judge(AUC, None)
    assert (day.state, day.reason) == (State.UNDECIDED, Reason.NOT_MEASURED)
