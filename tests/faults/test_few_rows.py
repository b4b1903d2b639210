"""Rows 16 and 17: days without rows, and days with too few."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.faults.deployment import DAY, EVENTS, NEXT, Deployment

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours

CONCLUDE = ("drift", "performance")
NO_VALUE = {"value": None, "value_state": "none", "ci_low": None, "ci_high": None}


def without_rows(deployment: Deployment) -> None:
    deployment.rows = 0
    deployment.write_inputs(DAY)
    deployment.rows = 200


def without_files(deployment: Deployment) -> None:
    for kind in EVENTS:
        deployment.source(kind, DAY).unlink()


@pytest.mark.parametrize(
    ("emptied", "reason"),
    [
        pytest.param(without_rows, "no_rows", id="files without rows"),
        pytest.param(without_files, "source_missing", id="no files"),
    ],
)
def test_a_day_without_rows_is_no_data_in_every_measurement_and_never_a_zero(
    deployment: Deployment,
    sound: Deployment,
    emptied: Callable[[Deployment], None],
    reason: str,
) -> None:
    emptied(deployment)
    deployment.run()
    rows = [row for row in deployment.told().values() if row["stage"] != "quality"]
    owed = {key for key, row in sound.told().items() if row["stage"] != "quality"}
    assert {row["metric"] for row in rows} == {metric for _, metric, *_ in owed}
    assert {row["status"] for row in rows} == {"no_data"}
    assert all(row[name] == value for row in rows for name, value in NO_VALUE.items())
    for metric in ("requests", "rows", "wasserstein", "null_rate", "roc_auc", "latency_p50"):
        assert {row["reason"] for row in rows if row["metric"] == metric} == {reason}, metric
    assert deployment.told(NEXT) == sound.told(NEXT)


@pytest.mark.parametrize("n", [1, 2, 29], ids="{} rows".format)
def test_too_few_rows_are_counted_and_nothing_is_concluded_from_them(
    deployment: Deployment, n: int
) -> None:
    deployment.rows = n
    deployment.write_inputs(DAY)
    deployment.write_labels(DAY)
    deployment.run(DAY)
    assert deployment.one("rows")["value"] == n
    assert deployment.one("label_coverage")["value"] == 1.0
    concluded = [row for row in deployment.told().values() if row["stage"] in CONCLUDE]
    assert {row["status"] for row in concluded} <= {"not_enough_data", "no_data"}
    assert all(row[name] == value for row in concluded for name, value in NO_VALUE.items())
    assert deployment.one("roc_auc")["detail"] == f"{n} labelled rows; at least 30 are required"
    assert deployment.one("psi", "income")["detail"] == f"{n} values; at least 30 are required"
    assert deployment.one("latency_p95")["reason"] == "too_few_rows"


def test_thirty_rows_are_enough_for_an_interval(deployment: Deployment) -> None:
    deployment.rows = 30
    deployment.write_inputs(DAY)
    deployment.write_labels(DAY)
    deployment.run(DAY)
    for row in (deployment.one("psi", "income"), deployment.one("roc_auc")):
        assert row["status"] == "ok"
        assert row["ci_low"] <= row["value"] <= row["ci_high"]
