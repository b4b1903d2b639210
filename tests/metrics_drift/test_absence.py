"""What is not there is explained in telemetry's own words, and nothing else is touched."""

from __future__ import annotations

import datetime as dt

import pytest

from monitoring_dagster.metrics.absence import explained
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Reason, Status
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.telemetry.manifest import ColumnState, Manifest
from tests.small_world import DOCUMENT

NOWHERE = "there is no file 2026-01-05.parquet"


@pytest.fixture(scope="module")
def monitor() -> Monitor:
    text = DOCUMENT.format(
        name="small", reference_first="2026-01-01", reference_last="2026-01-02", first="2026-01-03"
    )
    return load_text(text, "small.yaml")


def manifest(kind: Kind, **what: object) -> Manifest:
    day = dt.date(2026, 1, 5)
    return Manifest.model_validate(
        {"monitor": "small", "kind": kind, "day": day, "status": "ok", "file": "a.parquet"} | what
    )


def gone(kind: Kind) -> Manifest:
    return manifest(kind, status="no_data", reason="source_missing", detail=NOWHERE, file=None)


def without(reason: Reason, metric: str = "psi", column: str = "") -> Measurement:
    return Measurement(metric, Estimate.without(Status.NO_DATA, reason, "none"), column)


@pytest.mark.parametrize(
    ("measurement", "absent"),
    [
        pytest.param(without(Reason.NO_ROWS, column="income"), Kind.FEATURES, id="a feature"),
        pytest.param(without(Reason.NO_ROWS, column="status"), Kind.PREDICTIONS, id="a status"),
        pytest.param(without(Reason.NO_ROWS, "rows"), Kind.PREDICTIONS, id="the whole day"),
    ],
)
def test_the_reason_is_that_of_the_snapshot_that_is_not_there(
    monitor: Monitor, measurement: Measurement, absent: Kind
) -> None:
    (told,) = explained(monitor, [measurement], {absent: gone(absent)})
    assert (told.estimate.reason, told.estimate.detail) == (Reason.SOURCE_MISSING, NOWHERE)


def test_a_column_that_another_snapshot_carries_keeps_its_own_reason(monitor: Monitor) -> None:
    measured = [without(Reason.ALL_NULL, column="request")]
    taken = {Kind.FEATURES: gone(Kind.FEATURES), Kind.PREDICTIONS: manifest(Kind.PREDICTIONS)}
    assert explained(monitor, measured, taken) == measured


def test_labels_that_were_not_delivered_stay_missing_labels_and_say_which_file(
    monitor: Monitor,
) -> None:
    taken = {Kind.LABELS: gone(Kind.LABELS)}
    (told,) = explained(monitor, [without(Reason.NO_LABELS, "roc_auc")], taken)
    assert (told.estimate.reason, told.estimate.detail) == (Reason.NO_LABELS, NOWHERE)


def test_a_column_that_could_not_be_read_says_what_it_holds(monitor: Monitor) -> None:
    state = ColumnState(status="unreadable", reason="column_unreadable", detail="9 are no numbers")
    taken = {Kind.FEATURES: manifest(Kind.FEATURES, columns={"income": state})}
    (told,) = explained(monitor, [without(Reason.COLUMN_UNREADABLE, column="income")], taken)
    assert told.estimate.reason is Reason.COLUMN_UNREADABLE
    assert told.estimate.detail == "income: 9 are no numbers"


def test_a_value_is_never_touched(monitor: Monitor) -> None:
    measured = [Measurement("rows", Estimate.exact(3.0, 3))]
    assert explained(monitor, measured, {k: gone(k) for k in Kind}) == measured
