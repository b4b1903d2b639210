"""What holds for every metric that a registry of this room names, found by the registry."""

import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

from monitoring_dagster.metrics import drift, labels, operations, shape
from monitoring_dagster.metrics.measurement import Estimate, Status
from monitoring_dagster.metrics.safely import safely
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import Profile

FAMILIES = [drift, shape, operations, labels]
EVERY = [
    pytest.param(family, name, id=f"{family.__name__.rsplit('.', 1)[-1]}: {name}")
    for family in FAMILIES
    for name in family.REGISTRY
]
RNG = np.random.default_rng(71)
NUMBERS = RNG.normal(size=300)
CARRIERS = RNG.choice(["UA", "AA"], 300).tolist()

DAYS = {
    "an empty day": {},
    "one row": {"distance": [1.0], "carrier": ["UA"], "took": [0.1]},
    "one cell": {"distance": [0.25] * 40, "carrier": ["UA"] * 40, "took": [0.1] * 40},
    "only values that the reference lacks": {
        "distance": [50.0] * 40,
        "carrier": ["WN"] * 40,
        "took": [1e7] * 40,
    },
    "all null": {"distance": [None] * 40, "carrier": [None] * 40, "took": [None] * 40},
    "nothing finite": {
        "distance": [np.nan, np.inf, -np.inf] * 20,
        "carrier": [None] * 60,
        "took": [np.nan] * 60,
    },
    "a day like the reference": {
        "distance": NUMBERS,
        "carrier": CARRIERS,
        "took": np.exp(NUMBERS),
    },
}


@pytest.fixture(scope="module")
def grid(counting) -> Grid:
    return Grid(
        {
            "distance": counting.numeric_cells(NUMBERS),
            "carrier": counting.category_cells(CARRIERS),
            "took": counting.numeric_cells(np.exp(NUMBERS)),
        },
        {},
    )


@pytest.fixture(scope="module")
def reference(grid, counting) -> Profile:
    return counting.profile(
        grid, {"distance": NUMBERS, "carrier": CARRIERS, "took": np.exp(NUMBERS)}
    )


def measured(family, monitor, grid: Grid, reference: Profile, current: Profile):
    if family is drift:
        return drift.measure(monitor, grid, reference, current)
    if family is shape:
        return shape.measure(monitor, grid, reference, current, reference_days=1)
    if family is operations:
        return operations.measure(monitor, grid, current, hours=24, reference=reference)
    return labels.measure(monitor, Outcomes(grid.id, {}, {}), maturity=None)


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS.keys())
@pytest.mark.parametrize(("family", "name"), EVERY)
def test_every_metric_has_a_finite_value_or_a_reason(
    family, name: str, day, monitor, grid, reference, counting
) -> None:
    current = counting.profile(grid, day)
    rows = [m for m in measured(family, monitor, grid, reference, current) if m.metric == name]
    assert rows
    for one in rows:
        estimate = one.estimate
        assert estimate.status is not Status.ERROR, estimate.detail
        if estimate.status is Status.OK:
            assert np.isfinite(estimate.value)
            assert not estimate.ci_low > estimate.value
            assert not estimate.ci_high < estimate.value
        else:
            assert np.isnan(estimate.value)
            assert estimate.detail


@pytest.mark.parametrize(("family", "name"), EVERY)
def test_every_metric_documents_itself_with_an_example(family, name: str) -> None:
    metric = family.REGISTRY[name]
    module = importlib.import_module(metric.__module__)
    assert metric.__name__ == name
    assert name.startswith(module.__name__.rsplit(".", 1)[-1])
    assert ">>>" in (inspect.getdoc(metric) or "")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__.rsplit(".", 1)[-1])
def test_every_file_of_a_family_is_a_metric_or_shared_by_metrics(family) -> None:
    folder = Path(family.__file__).parent
    metrics = {m.__module__.rsplit(".", 1)[-1] for m in family.REGISTRY.values()}
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert metrics <= files | {"registry"}


def test_a_metric_sees_a_comparison_only_when_both_sides_have_values(
    monitor, grid, reference, monkeypatch, counting
) -> None:
    def never(comparison) -> Estimate:
        raise AssertionError("called without values")

    monkeypatch.setitem(drift.NUMERIC, "psi", never)
    for day in ({}, DAYS["all null"], DAYS["nothing finite"]):
        rows = drift.measure(monitor, grid, reference, counting.profile(grid, day))
        assert all(m.estimate.status is not Status.ERROR for m in rows)
    assert safely("psi", lambda: never(None)).status is Status.ERROR
