"""At a terminal each thing is said once, numbers are short, and what is missing says why."""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.reports.terminal import listing, summary
from monitoring_dagster.store import ReasonCount

DAY = dt.date(2026, 1, 5)


def row(**what: object) -> dict[str, object]:
    return {
        "monitor": "churn",
        "day": DAY,
        "metric": "roc_auc",
        "column": "",
        "segment": "all",
        "model_version": "all",
        "value": 0.687153,
        "ci_low": 0.63159,
        "ci_high": 0.73781,
        "reference_value": 0.7,
        "n": 383,
        "coverage": 0.95,
        "maturity": "final",
        "status": "ok",
        "reason": "computed",
        "detail": "",
    } | what


def reason(name: str, detail: str, measurements: int, day: int = 5) -> ReasonCount:
    when = dt.date(2026, 1, day)
    status = "ok" if name == "computed" else "no_data"
    return ReasonCount(status, name, detail, measurements, 1, when, when)


def test_what_every_row_shares_is_said_once_above_the_table() -> None:
    shown = listing([row(), row(day=dt.date(2026, 1, 6))])
    assert shown.heading == "churn, roc_auc"
    assert shown.header == ["day", "value", "95 % interval", "n", "reference", "labels"]
    assert shown.rows[0] == [
        "2026-01-05", "0.6872", "0.632 to 0.738", "383", "0.7", "95% final",
    ]  # fmt: skip


def test_what_tells_rows_apart_has_a_column() -> None:
    shown = listing([row(segment="plan=a", column="x"), row(segment="plan=b", column="y")])
    assert shown.heading == "churn, 2026-01-05, roc_auc"
    assert shown.header[:2] == ["column", "segment"]


def test_a_column_that_would_be_empty_is_left_out() -> None:
    shown = listing([row(reference_value=None, coverage=None, maturity=None)])
    assert shown.header == ["value", "95 % interval", "n"]


def test_a_row_without_a_value_has_its_reason_and_below_the_table_the_words() -> None:
    nothing = {"value": None, "status": "no_data", "reason": "source_missing"}
    shown = listing([row(), row(detail="no file a.csv", **nothing)])
    assert shown.rows[1][:2] == ["", "source_missing"]
    assert shown.notes == ["source_missing: no file a.csv"]
    again = listing([row(detail=f"no file {name}.csv", **nothing) for name in "ab"])
    assert again.notes == ["source_missing, for example: no file a.csv"]


def test_the_summary_counts_values_and_tells_reasons_that_differ_in_numbers_once() -> None:
    lines = summary(
        [
            reason("computed", "", 90),
            reason("too_few_rows", "7 rows; at least 30 are required", 2, day=5),
            reason("too_few_rows", "9 rows; at least 30 are required", 3, day=7),
            reason("column_missing", "the source has no column 'age'", 4),
        ]
    )
    assert lines == [
        "99 measurements, 9 of them without a value:",
        "  5 too_few_rows from 2026-01-05 to 2026-01-07: 7 rows; at least 30 are required",
        "  4 column_missing on 2026-01-05: the source has no column 'age'",
    ]
    assert summary([reason("computed", "", 90)]) == ["90 measurements, all with a value"]


def test_the_summary_is_never_longer_than_a_screen() -> None:
    lines = summary([reason("column_missing", f"column {c!r}", 1) for c in "abcdefghijkl"])
    assert len(lines) == 10
    assert lines[-1] == "  and 4 more reasons"
