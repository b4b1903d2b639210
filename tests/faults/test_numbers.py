"""Rows 19 to 21: numbers at the end of their range, columns that never vary, endless categories."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monitoring_dagster.reports.export import as_bytes
from tests.faults.deployment import DAY, REFERENCE, Deployment

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Great Expectations' own, not ours
    pytest.mark.filterwarnings("error::RuntimeWarning"),
]

EXTREMES = [math.inf, -math.inf, math.nan, -0.0, 5e-324, 1.7e308, -1.7e308, 1e308]


def assert_that_every_value_is_finite_or_explained(deployment: Deployment) -> None:
    for row in deployment.told().values():
        if row["status"] == "ok":
            assert math.isfinite(row["value"]), row
        else:
            assert (row["value"], row["value_state"]) == (None, "none"), row
            assert row["reason"] != "computed", row
            assert row["detail"], row
    table = deployment.store.measurements(deployment.name)
    refuse = pytest.fail
    assert json.loads(as_bytes(table, "json"), parse_constant=refuse)


@pytest.mark.parametrize("column", ["income", "probability", "latency_ms"])
def test_numbers_at_the_end_of_their_range_end_in_a_number_or_a_reason(
    deployment: Deployment, column: str
) -> None:
    deployment.write_inputs(DAY, **{column: EXTREMES * 25})
    deployment.run(DAY)
    assert_that_every_value_is_finite_or_explained(deployment)
    assert deployment.one("infinity_rate", column)["value"] == 2 / 8
    assert deployment.one("nan_rate", column)["value"] == 1 / 8
    assert deployment.one("null_rate", column)["value"] == 0
    assert deployment.one("psi", "age")["status"] == "ok"


def test_sums_beyond_the_largest_float_leave_the_shares_measured_and_the_mean_in_its_range(
    deployment: Deployment,
) -> None:
    deployment.write_inputs(DAY, income=[1e308] * 200)
    deployment.run(DAY)
    assert_that_every_value_is_finite_or_explained(deployment)
    usual = np.concatenate([deployment.frame(day)["income"] for day in REFERENCE])
    assert deployment.one("mean_change", "income")["value"] == pytest.approx(
        1e308 / usual.std(ddof=1)
    )
    assert deployment.one("wasserstein", "income")["value"] == pytest.approx(1e308)
    assert deployment.one("kolmogorov_smirnov", "income")["value"] == pytest.approx(1.0)
    assert deployment.one("above_range_rate", "income")["value"] == 1.0


def test_a_reference_of_extremes_freezes_and_days_are_measured_against_it(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, reference=REFERENCE[:2])
    for day in deployment.reference:
        deployment.write_inputs(day, income=EXTREMES * 25, probability=EXTREMES * 25)
    deployment.day().freeze_reference()
    deployment.run(DAY)
    assert_that_every_value_is_finite_or_explained(deployment)
    assert deployment.one("psi", "income")["status"] == "ok"


CONSTANT: dict[str, Any] = {"income": 5.0, "region": "north", "probability": 0.5}
DISTANCES = ["psi", "jensen_shannon", "hellinger"]


def constant(rows: int = 200, **other: Any) -> dict[str, Any]:
    return {name: [value] * rows for name, value in (CONSTANT | other).items()}


@pytest.fixture(scope="module")
def against_a_constant(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment whose reference never varied."""
    deployment = Deployment(tmp_path_factory.mktemp("constant"), reference=REFERENCE[:2])
    for day in deployment.reference:
        deployment.write_inputs(day, **constant())
    deployment.day().freeze_reference()
    return deployment


def test_a_constant_that_stays_is_no_drift(against_a_constant: Deployment) -> None:
    deployment = against_a_constant
    deployment.write_inputs(DAY, **constant())
    deployment.run(DAY)
    for column in CONSTANT:
        for metric in DISTANCES:
            assert deployment.one(metric, column)["value"] == 0, (metric, column)
        assert deployment.one("is_constant", column)["value"] == 1
    assert deployment.one("kolmogorov_smirnov", "income")["value"] == 0
    assert deployment.one("roc_auc")["value"] == 0.5
    scaled = deployment.one("wasserstein_scaled", "income")
    assert (scaled["status"], scaled["reason"]) == ("no_data", "constant_reference")
    assert_that_every_value_is_finite_or_explained(deployment)


def test_another_value_than_the_constant_is_drift_by_the_share_of_rows_that_have_it(
    against_a_constant: Deployment,
) -> None:
    deployment = against_a_constant
    incomes, regions = [5.0] * 150 + [math.nextafter(5, 6)] * 50, ["north"] * 150 + ["new"] * 50
    deployment.write_inputs(DAY, **constant() | {"income": incomes, "region": regions})
    deployment.run(DAY)
    assert deployment.one("kolmogorov_smirnov", "income")["value"] == pytest.approx(0.25)
    assert deployment.one("total_variation", "region")["value"] == pytest.approx(0.25)
    for column in ("income", "region"):
        assert 0 < deployment.one("psi", column)["value"] < math.inf
        assert deployment.one("is_constant", column)["value"] == 0
    assert_that_every_value_is_finite_or_explained(deployment)


def test_a_column_that_became_constant_is_told_and_moved(deployment: Deployment) -> None:
    income = float(np.median(deployment.frame(DAY)["income"]))
    deployment.write_inputs(DAY, **constant(income=income))
    deployment.run(DAY)
    for column in CONSTANT:
        assert deployment.one("is_constant", column)["value"] == 1
        assert deployment.one("psi", column)["value"] > 0.2
    assert deployment.one("kolmogorov_smirnov", "income")["value"] == pytest.approx(0.5, abs=0.1)
    assert_that_every_value_is_finite_or_explained(deployment)


def test_twenty_thousand_new_categories_need_no_more_rows_in_any_table_or_file(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.rows = 20_000
    endless = ("request", "region", "version")
    many = {name: [f"{name}-{i}" for i in range(deployment.rows)] for name in endless}
    deployment.write_inputs(DAY, **many)
    deployment.run(DAY)
    unseen = deployment.one("unseen_rate", "region")
    assert (unseen["value"], unseen["n"]) == (1.0, 20_000)
    segments = {row["segment"] for row in deployment.told().values()}
    assert segments == {row["segment"] for row in sound.told().values()} | {"region=(other)"}
    versions = {row["model_version"] for row in deployment.told().values()}
    assert len(versions) == 102  # the first hundred, all others, and all together
    profile = deployment.lake_folder / "small" / "profiles" / f"{DAY}.parquet"
    assert profile.stat().st_size < 1_000_000
