"""The adapted form: it helps where inputs shift, and costs nothing where they do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from monitoring_dagster.metrics.estimated.shift import Shift
from monitoring_dagster.metrics.measurement import Reason, Status


def accuracy(day: Any) -> float:
    return float(((day.scores >= 0.5) == day.labels).mean())


def errors(simulation: Any, days: int, **how: Any) -> tuple[np.ndarray, np.ndarray]:
    """What plain and adapted estimates of accuracy miss at 900 rows a day."""
    small = simulation.Small.of(simulation.days(1, 15, blind=1.0))
    estimates = small.estimates(reference_rows=small.reference)
    missed = []
    for day in simulation.days(2, days, blind=1.0, **how):
        found = estimates.measure(small.profile(day), rows=day.rows())
        missed.append(
            [
                simulation.found(found, f"{form}_accuracy").value - accuracy(day)
                for form in ("estimated", "shift_adapted")
            ]
        )
    return tuple(np.abs(np.array(missed)).T)


def test_where_nothing_shifts_the_adapted_form_is_the_plain_one(simulation: Any) -> None:
    plain, adapted = errors(simulation, 40)
    assert adapted.mean() <= plain.mean() * 1.02
    assert (plain == adapted).mean() >= 0.95


def test_where_inputs_shift_the_adapted_form_is_nearer(simulation: Any) -> None:
    plain, adapted = errors(simulation, 20, mean=1.0)
    assert adapted.mean() < 0.6 * plain.mean()


def test_a_shift_is_found_by_chance_on_few_days_only() -> None:
    random = np.random.default_rng(0)
    reference = random.standard_normal((3_000, 4))
    found = [
        Shift.fit(reference, random.standard_normal((300, 4)), seed=day).is_found
        for day in range(60)
    ]
    assert sum(found) <= 2


def test_weights_are_the_density_ratio() -> None:
    random = np.random.default_rng(3)
    reference = random.standard_normal((20_000, 1))
    shift = Shift.fit(reference, random.standard_normal((10_000, 1)) + 0.5, seed=0)
    ratio = np.exp(0.5 * reference[:, 0] - 0.125)
    assert shift.is_found
    assert np.corrcoef(shift.weights, ratio)[0, 1] > 0.95
    assert shift.weights @ reference[:, 0] / len(reference) == pytest.approx(0.5, abs=0.04)
    # For a normal shift of d the effective share is exp(-d²).
    assert shift.effective_rows / len(reference) == pytest.approx(np.exp(-0.25), abs=0.05)


def test_a_day_that_the_reference_hardly_knows_is_not_adapted_to(simulation: Any) -> None:
    random = np.random.default_rng(4)
    known = simulation.Sample.drawn(random, 5_000)
    rare = simulation.Sample.drawn(random, 40, mean=9.0)
    small = simulation.Small.of([known, rare])
    day = simulation.Sample.drawn(random, 900, mean=9.0)
    found = small.estimates(reference_rows=small.reference).measure(
        small.profile(day), rows=day.rows()
    )
    estimate = simulation.found(found, "shift_adapted_accuracy")
    assert (estimate.status, estimate.reason) == (Status.NOT_ENOUGH_DATA, Reason.TOO_FEW_ROWS)
    assert "effective reference rows; at least 100 are required" in estimate.detail
    assert simulation.found(found, "estimated_accuracy").status is Status.OK


def test_the_same_rows_and_seed_give_the_same_weights() -> None:
    random = np.random.default_rng(5)
    reference, day = random.standard_normal((2_000, 3)), random.standard_normal((500, 3)) + 0.4
    one, other = (Shift.fit(reference, day, seed=7, max_rows=1_000) for _ in range(2))
    np.testing.assert_array_equal(one.weights, other.weights)
    assert len(one.weights) == 2_000


@pytest.mark.parametrize("mean", [0.0, 1.0], ids=["without a shift", "with a shift"])
def test_the_adapted_form_says_its_effective_sample_size(simulation: Any, mean: float) -> None:
    small = simulation.Small.of(simulation.days(1, 5))
    day = simulation.days(6, 1, mean=mean)[0]
    found = small.estimates(reference_rows=small.reference).measure(
        small.profile(day), rows=day.rows()
    )
    estimate = simulation.found(found, "shift_adapted_roc_auc")
    assert estimate.status is Status.OK
    assert "effective sample size" in estimate.detail
    assert "of 4500 reference rows" in estimate.detail
    assert ("no shift" in estimate.detail) == (mean == 0.0)


def test_a_segment_is_adapted_with_its_own_rows(simulation: Any) -> None:
    small = simulation.Small.of(simulation.days(1, 15, blind=1.0))
    day = simulation.days(8, 1, rows=4_000, mean=1.0, blind=1.0)[0]
    found = small.estimates(reference_rows=small.reference).measure(
        small.profile(day), rows=day.rows()
    )
    inside = day.regions == 0
    truth = float(((day.scores >= 0.5) == day.labels)[inside].mean())
    plain, adapted = (
        simulation.found(found, f"{form}_accuracy", "region=north").value
        for form in ("estimated", "shift_adapted")
    )
    assert abs(adapted - truth) < abs(plain - truth)
