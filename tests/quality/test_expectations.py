"""Each expectation on data that complies, that does not, and where it cannot be evaluated."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from monitoring_dagster.monitors.contract import Kind, Severity
from tests.quality.conftest import Snapshots, expect, monitor_of, unreadable_pattern

NAN = float("nan")
INF = float("inf")
INSTANT = pa.array([dt.datetime(2026, 1, 5, tzinfo=dt.UTC)], pa.timestamp("us", tz="UTC"))


CASES = {
    "nothing is null": ("distance", [1.0, 2.0], expect("not_null", "distance"), 0, 2),
    "null and not-a-number are both null": (
        "distance",
        [1.0, None, NAN, 2.0],
        expect("not_null", "distance"),
        2,
        4,
    ),
    "half may be null and half is": (
        "carrier",
        ["UA", None],
        expect("not_null", "carrier", mostly=0.5),
        1,
        2,
    ),
    "both limits belong to the range": (
        "distance",
        [0.0, 10.0],
        expect("between", "distance", minimum=0, maximum=10),
        0,
        2,
    ),
    "nulls are in every range": (
        "distance",
        [-0.1, 5.0, None],
        expect("between", "distance", minimum=0),
        1,
        2,
    ),
    "infinities are numbers": (
        "distance",
        [INF, -INF, 5.0],
        expect("between", "distance", maximum=10),
        1,
        3,
    ),
    "integers with nulls, fractional limits": (
        "seats",
        [1, None, 300],
        expect("between", "seats", minimum=0.5, maximum=299.5),
        1,
        2,
    ),
    "nulls are in every set": (
        "carrier",
        ["UA", "AA", None],
        expect("in_set", "carrier", values=["UA", "AA"]),
        0,
        2,
    ),
    "case tells values apart": (
        "carrier",
        ["UA", "ua"],
        expect("in_set", "carrier", values=["UA"]),
        1,
        2,
    ),
    "numbers in the document, text in the snapshot": (
        "carrier",
        ["1", "2", "3"],
        expect("in_set", "carrier", values=[1, 2.0]),
        1,
        3,
    ),
    "a set of integers": ("seats", [1, 2, None], expect("in_set", "seats", values=[1]), 1, 2),
    "a set of booleans": (
        "is_weekend",
        [True, False, None],
        expect("in_set", "is_weekend", values=[True]),
        1,
        2,
    ),
    "booleans written as 0 and 1": (
        "is_weekend",
        [True, False],
        expect("in_set", "is_weekend", values=[0, 1]),
        0,
        2,
    ),
    "an anchored pattern": (
        "carrier",
        ["N1", "N22", "x"],
        expect("matches", "carrier", pattern="^N[0-9]+$"),
        1,
        3,
    ),
    "a pattern with groups": (
        "carrier",
        ["N1", "22"],
        expect("matches", "carrier", pattern="(N)(1)?"),
        1,
        2,
    ),
    "all are unique": ("seats", [1, 2, 3], expect("unique", "seats"), 0, 3),
    "every copy counts, nulls do not": (
        "seats",
        [1, 2, 2, None, None],
        expect("unique", "seats"),
        2,
        3,
    ),
    "integers that no float tells apart": (
        "seats",
        [2**53, 2**53 + 1, None],
        expect("unique", "seats"),
        0,
        2,
    ),
    "a third must be unique and is": (
        "request",
        ["a", "a", "b"],
        expect("unique", "request", mostly=0.3),
        2,
        3,
    ),
}


@pytest.mark.parametrize(
    ("column", "values", "expectation", "unexpected", "rows"), CASES.values(), ids=CASES
)
def test_rows_that_do_not_comply_are_counted(
    snapshots: Snapshots,
    column: str,
    values: list[Any],
    expectation: Any,
    unexpected: int,
    rows: int,
) -> None:
    outcome = snapshots.outcome({column: values}, expectation)
    assert (outcome.unexpected_rows, outcome.rows) == (unexpected, rows)
    holds = rows - unexpected >= expectation.mostly * rows
    assert outcome.result == ("passed" if holds else "failed")
    assert outcome.observed == f"{unexpected} of {rows} rows do not comply"


@pytest.mark.parametrize(
    ("column", "values", "expectation", "text"),
    [
        (
            "carrier",
            ["UA"],
            unreadable_pattern("carrier"),
            "Invalid regular expression",
        ),
        ("carrier", ["UA"], expect("between", "carrier", minimum=1), "of the same type"),
        ("departs_at", INSTANT, expect("between", "departs_at", minimum=1), "Invalid comparison"),
        ("seats", [1], expect("not_null", "distance"), '"distance" in BatchData does not exist'),
    ],
    ids=["a broken pattern", "numbers against text", "numbers against instants", "no such column"],
)
def test_what_cannot_be_evaluated_is_errored_and_not_failed(
    snapshots: Snapshots, column: str, values: Any, expectation: Any, text: str
) -> None:
    critical = expectation.model_copy(update={"severity": Severity.CRITICAL})
    report = snapshots.check(
        [snapshots.write({column: values})],
        [critical, expect("not_null", column)],
    )
    broken, other = report.outcomes[1:]
    assert broken.result == "errored"
    assert broken.unexpected_rows is None
    assert text in broken.observed
    assert other.result == "passed"
    assert report.condemned_columns == {}


def test_an_error_on_a_private_column_quotes_nothing(snapshots: Snapshots) -> None:
    outcome = snapshots.outcome({"email": ["pk1_x"]}, unreadable_pattern("email"))
    assert outcome.observed == (
        "could not be evaluated: the column is private, so the message is not shown"
    )


def test_no_value_of_a_row_is_reported(snapshots: Snapshots) -> None:
    secrets = ["canary-1", "canary-2", "canary-2"]
    wanted = [
        expect("in_set", "carrier", values=["UA"]),
        expect("matches", "carrier", pattern="^x"),
        expect("unique", "carrier"),
        expect("between", "carrier", minimum=0),
    ]
    report = snapshots.check([snapshots.write({"carrier": secrets})], wanted)
    assert [o.result for o in report.outcomes[1:]] == ["failed", "failed", "failed", "errored"]
    assert "canary" not in report.model_dump_json()


@pytest.mark.parametrize(
    ("limits", "result"),
    [
        ({"minimum": 3}, "passed"),
        ({"minimum": 4}, "failed"),
        ({"maximum": 2}, "failed"),
        ({"minimum": 1, "maximum": 3}, "passed"),
    ],
    ids=str,
)
def test_a_row_count_is_that_of_the_snapshot(
    snapshots: Snapshots, limits: dict[str, Any], result: str
) -> None:
    outcome = snapshots.outcome({"seats": [1, 2, 3]}, expect("row_count", **limits))
    assert (outcome.result, outcome.observed) == (result, "3 rows")


def test_an_empty_snapshot_breaks_only_what_is_expected_of_its_size(snapshots: Snapshots) -> None:
    empty = {
        "carrier": pa.array([], pa.string()),
        "seats": pa.array([], pa.int64()),
    }
    wanted = [
        expect("not_null", "carrier"),
        expect("between", "seats", minimum=0),
        expect("in_set", "carrier", values=["UA"]),
        expect("unique", "seats"),
        expect("row_count", minimum=1),
    ]
    report = snapshots.check([snapshots.write(empty)], wanted)
    assert [o.result for o in report.outcomes[1:]] == [*["passed"] * 4, "failed"]
    assert [o.rows for o in report.outcomes] == [0] * 6


def test_an_all_null_column_breaks_only_not_null(snapshots: Snapshots) -> None:
    wanted = [
        expect("not_null", "carrier"),
        expect("in_set", "carrier", values=["UA"]),
        expect("matches", "carrier", pattern="^U"),
        expect("unique", "carrier"),
    ]
    nulls = {"carrier": pa.nulls(4, pa.string())}
    report = snapshots.check([snapshots.write(nulls)], wanted)
    assert [o.result for o in report.outcomes[1:]] == ["failed", "passed", "passed", "passed"]


def test_a_large_day_is_sampled_evenly_and_says_so(snapshots: Snapshots) -> None:
    snapshots.monitor = monitor_of(quality={"max_rows": 1_000})
    rows = 150_001  # more than two batches of the file; every 151st row, the first included
    seats = list(range(rows))
    outcome = snapshots.outcome(
        {"seats": seats, "carrier": ["UA"] * rows}, expect("in_set", "seats", values=[0, 151, 302])
    )
    assert outcome.sampled
    assert outcome.rows == len(seats[::151]) == 994
    assert outcome.unexpected_rows == 994 - 3
    assert outcome.observed == "991 of 994 rows do not comply, in a sample"


def test_the_contract_implies_expectations(snapshots: Snapshots) -> None:
    from monitoring_dagster.telemetry.quality import expectations

    implied = {
        (e.kind.value, e.column, e.expect, e.severity.value)
        for e in expectations(snapshots.monitor, [])
    }
    assert implied == {
        ("features", "request", "not_null", "critical"),
        ("features", "request", "unique", "critical"),
        ("features", "carrier", "not_null", "warning"),
        ("predictions", "request", "not_null", "critical"),
        ("predictions", "request", "unique", "critical"),
        ("predictions", "probability", "not_null", "warning"),
        ("predictions", "probability", "between", "warning"),
        ("labels", "request", "not_null", "critical"),
        ("labels", "request", "unique", "critical"),
    }


def test_the_more_specific_expectation_wins() -> None:
    from monitoring_dagster.telemetry.quality import expectations

    own = {"expect": "not_null", "column": "carrier", "mostly": 0.5}
    learned = [
        expect("not_null", "carrier", mostly=0.9),
        expect("in_set", "carrier", values=["UA"]),
        expect("not_null", "request", severity="warning"),
    ]
    monitor = monitor_of(quality={"expectations": [own, own | {"mostly": 0.1}]})
    found = [e for e in expectations(monitor, learned) if e.kind is Kind.FEATURES]
    assert [(e.column, e.expect, e.mostly, e.severity.value) for e in found] == [
        ("carrier", "not_null", 0.5, "warning"),
        ("carrier", "not_null", 0.1, "warning"),
        ("carrier", "in_set", 1.0, "warning"),
        ("request", "not_null", 1.0, "warning"),
        ("request", "unique", 1.0, "critical"),
    ]
    untaught = monitor_of(quality={"learn": False})
    assert "in_set" not in {e.expect for e in expectations(untaught, learned)}
