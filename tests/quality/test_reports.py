"""What a report condemns, when it is made anew, and what is measured of it."""

from __future__ import annotations

import sys

import pytest

from monitoring_dagster.metrics.measurement import Reason, Status
from monitoring_dagster.metrics.quality import measure
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry.manifest import ColumnState, folder
from monitoring_dagster.telemetry.quality import checking, expectations
from tests.quality.conftest import DAY, Snapshots, expect, unreadable_pattern

FEATURES = {"request": ["a", "b"], "carrier": ["UA", "AA"], "distance": [1.0, None]}
PREDICTIONS = {"request": ["a", "b"], "probability": [0.2, 0.9]}
LABELS = {"request": ["a", "b"], "late": [0, 1]}


def test_a_critical_failure_condemns_its_column(snapshots: Snapshots) -> None:
    report = snapshots.check(
        [snapshots.write(FEATURES)],
        [
            expect("not_null", "distance", severity="critical", because="it is always known"),
            expect("in_set", "carrier", values=["UA"], severity="warning"),
            expect("unique", "carrier", severity="critical"),
        ],
    )
    assert report.condemned_columns == {
        "distance": "features.distance: distance must not be null, because it is always known "
        "(found: 1 of 2 rows do not comply)"
    }
    assert (report.condemned_day, report.condemned_kinds) == (None, {})


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (ColumnState(status="missing", reason="column_missing"), "column_missing"),
        (ColumnState(status="unreadable", detail="7 of 8 are no numbers"), "7 of 8 are no num"),
    ],
    ids=["missing", "unreadable"],
)
def test_a_column_that_is_not_delivered_is_condemned_without_being_checked(
    snapshots: Snapshots, state: ColumnState, text: str
) -> None:
    manifest = snapshots.write(FEATURES).model_copy(update={"columns": {"distance": state}})
    report = snapshots.check(
        [manifest], [expect("not_null", "distance"), expect("not_null", "carrier")]
    )
    assert [(o.expect, o.column, o.result) for o in report.outcomes] == [
        ("snapshot", None, "passed"),
        ("present", "distance", "failed"),
        ("not_null", "distance", "not_run"),
        ("not_null", "carrier", "passed"),
    ]
    assert report.outcomes[1].observed == state.status
    assert list(report.condemned_columns) == ["distance"]
    assert text in report.condemned_columns["distance"]


def test_a_wrong_number_of_rows_condemns_the_day(snapshots: Snapshots) -> None:
    wanted = [expect("row_count", minimum=3, severity="critical")]
    manifests = [snapshots.write(FEATURES), snapshots.write(PREDICTIONS, Kind.PREDICTIONS)]
    report = snapshots.check(manifests, wanted)
    assert report.condemned_day == (
        "features: the snapshot must have at least 3 rows (found: 2 rows)"
    )


def test_too_few_labels_condemn_the_labels_and_not_the_day(snapshots: Snapshots) -> None:
    wanted = [expect("row_count", minimum=3, severity="critical", of="labels")]
    report = snapshots.check([snapshots.write(LABELS, Kind.LABELS)], wanted)
    assert report.condemned_day is None
    assert list(report.condemned_kinds) == [Kind.LABELS]
    assert list(report.condemned_columns) == ["late"]


@pytest.mark.parametrize("status", ["no_data", "error"])
def test_a_snapshot_that_is_not_there_condemns_what_only_it_carries(
    snapshots: Snapshots, status: str
) -> None:
    manifests = [
        snapshots.without(Kind.FEATURES, status=status),
        snapshots.write(PREDICTIONS, Kind.PREDICTIONS),
    ]
    report = snapshots.check(manifests, [expect("not_null", "carrier")])
    assert [o.result for o in report.outcomes] == ["failed", "not_run", "passed"]
    assert list(report.condemned_kinds) == [Kind.FEATURES]
    assert set(report.condemned_columns) == {
        "carrier",
        "distance",
        "seats",
        "is_weekend",
        "email",
        "departs_at",
    }
    assert "no file" in report.condemned_columns["carrier"]
    assert report.condemned_day is None


def test_a_day_without_any_snapshot_is_condemned(snapshots: Snapshots) -> None:
    report = snapshots.check(
        [snapshots.without(Kind.FEATURES), snapshots.without(Kind.PREDICTIONS)]
    )
    assert report.condemned_day == (
        "features: the day's snapshot is required (no_data: no file) (found: source_missing)"
    )


def test_labels_are_missed_only_once_they_are_due(snapshots: Snapshots) -> None:
    early = snapshots.check([snapshots.without(Kind.LABELS, maturity="provisional")])
    assert [(o.result, o.severity.value) for o in early.outcomes] == [("not_run", "info")]
    assert early.condemned_kinds == {}
    late = snapshots.check([snapshots.without(Kind.LABELS, maturity="final")])
    assert [o.result for o in late.outcomes] == ["failed"]
    assert list(late.condemned_kinds) == [Kind.LABELS]


def test_the_same_day_is_never_checked_twice(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifests = [snapshots.write(FEATURES), snapshots.write(PREDICTIONS, Kind.PREDICTIONS)]
    wanted = expectations(snapshots.monitor, [])
    first = snapshots.check(manifests, wanted)
    monkeypatch.setattr(checking, "validate", None)
    monkeypatch.setattr(checking, "read_frame", None)
    for name in [n for n in sys.modules if n.split(".")[0] == "great_expectations"]:
        monkeypatch.setitem(sys.modules, name, None)  # an import would raise
    assert snapshots.check(manifests, wanted) == first
    assert first.fingerprint


def test_only_the_snapshot_that_changed_is_checked_again(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = snapshots.write(FEATURES)
    wanted = [
        expect("not_null", "distance", mostly=0.5),
        expect("not_null", "late", of="labels"),
    ]
    early = snapshots.check([features, snapshots.without(Kind.LABELS)], wanted)
    checked: list[str] = []
    validate = checking.validate

    def noted(frame: object, expectations: object, columns: dict[str, object]) -> object:
        checked.extend(columns)
        return validate(frame, expectations, columns)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(checking, "validate", noted)
    late = snapshots.check([features, snapshots.write(LABELS, Kind.LABELS)], wanted)
    assert checked == ["request", "late"]
    assert late.fingerprint != early.fingerprint
    assert [o.result for o in late.outcomes] == ["passed"] * 4


@pytest.mark.parametrize(
    "changed",
    [
        [expect("not_null", "distance", mostly=0.5)],
        [expect("not_null", "distance", severity="critical")],
        [expect("not_null", "distance"), expect("row_count", minimum=1)],
    ],
    ids=["another limit", "another severity", "one more"],
)
def test_other_expectations_are_checked_anew(snapshots: Snapshots, changed: list) -> None:
    manifest = snapshots.write(FEATURES)
    first = snapshots.check([manifest], [expect("not_null", "distance")])
    second = snapshots.check([manifest], changed)
    assert second.fingerprint != first.fingerprint
    assert len(second.outcomes) == 1 + len(changed)


def test_a_report_that_cannot_be_read_is_made_anew(snapshots: Snapshots) -> None:
    manifest = snapshots.write(FEATURES)
    report = snapshots.check([manifest])
    path = f"flights/quality/{DAY}.json"
    for content in (b"{", b"{}", b"[1]"):
        snapshots.lake.write(path, content)
        assert snapshots.check([manifest]) == report
        assert snapshots.lake.read(path) != content


def test_a_damaged_snapshot_is_reported_and_looked_at_again(snapshots: Snapshots) -> None:
    manifest = snapshots.write(FEATURES)
    path = f"{folder('flights', Kind.FEATURES, DAY)}/{manifest.file}"
    whole = snapshots.lake.read(path)
    snapshots.lake.write(path, whole[:-1] + b"?")
    wanted = [expect("not_null", "carrier")]
    damaged = snapshots.check([manifest], wanted)
    assert [o.result for o in damaged.outcomes] == ["failed", "not_run"]
    assert "is damaged" in damaged.condemned_kinds[Kind.FEATURES]
    snapshots.lake.write(path, whole)
    restored = snapshots.check([manifest], wanted)
    assert [o.result for o in restored.outcomes] == ["passed", "passed"]
    assert restored.fingerprint != damaged.fingerprint


def test_a_report_is_measured_by_kind_and_by_column(snapshots: Snapshots) -> None:
    manifest = snapshots.write(FEATURES).model_copy(
        update={"columns": {"seats": ColumnState(status="missing")}}
    )
    report = snapshots.check(
        [manifest, snapshots.without(Kind.PREDICTIONS)],
        [
            expect("not_null", "distance"),
            expect("between", "distance", minimum=2),
            expect("not_null", "carrier"),
            unreadable_pattern("request"),
            expect("not_null", "probability", of="predictions"),
        ],
    )
    found = {(m.metric, m.column): m.estimate for m in measure(report)}
    share = found["quality_passed_share", "@features"]
    # passed: the snapshot, carrier; failed: seats, distance twice; errored: request
    assert (share.value, share.n) == (pytest.approx(2 / 6), 6)
    absent = found["quality_passed_share", "@predictions"]
    assert (absent.status, absent.reason) == (Status.NO_DATA, Reason.SOURCE_MISSING)

    distance = found["quality_unexpected_rate", "distance"]
    assert (distance.value, distance.n) == (1.0, 1)  # the only number is below 2
    assert distance.detail == "distance must be at least 2"
    assert 0.2 < distance.ci_low < 0.21
    assert distance.ci_high == 1.0
    assert found["quality_unexpected_rate", "carrier"].value == 0.0
    reasons = {c: e.reason for (m, c), e in found.items() if m == "quality_unexpected_rate"}
    assert reasons == {
        "seats": Reason.COLUMN_MISSING,
        "distance": Reason.COMPUTED,
        "carrier": Reason.COMPUTED,
        "request": Reason.METRIC_FAILED,
        "probability": Reason.NO_ROWS,
    }
