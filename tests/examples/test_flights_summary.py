"""Claims about the table that the example ends with, on a store filled by hand."""

from __future__ import annotations

import datetime as dt
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from examples.flights import summary
from monitoring_dagster.store import EvaluationInput, Store, tables

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
APRIL = [dt.date(2013, 4, day) for day in (1, 2, 3)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    store = Store(f"sqlite:///{tmp_path / 'store.db'}")
    store.upgrade()
    return store


def _row(metric: str, value: float | None, column: str = "", **other: object) -> dict[str, object]:
    status = "no_data" if value is None else "ok"
    row = {"metric": metric, "column": column, "segment": "all", "model_version": "all"}
    reason = "no_labels" if value is None else "computed"
    return row | {"value": value, "n": 900, "status": status, "reason": reason} | other


def _record(store: Store, day: dt.date, rows: list[dict[str, object]]) -> None:
    about = EvaluationInput("flight_delay", day, "all", "c", "1", f"{day}", NOON, "run", NOON)
    store.record(about, rows)


def _printed(store: Store) -> str:
    text = io.StringIO()
    Console(file=text, width=140).print(summary.table(summary.months(store)))
    return text.getvalue()


def _fill(store: Store) -> None:
    for day, auc, temp in zip(APRIL, (0.70, 0.61, 0.64), (1.0, 1.5, 9.0), strict=True):
        _record(
            store,
            day,
            [
                _row("roc_auc", auc),
                _row("roc_auc", 0.1, segment="origin=JFK"),
                _row("roc_auc", 0.2, model_version="1"),
                _row("base_rate", 0.25),
                _row("predicted_positive_rate", 0.125),
                _row("label_coverage", 0.975),
                _row("latency_p95", 0.0919),
                _row("wasserstein_scaled", temp, column="temp"),
                _row("wasserstein_scaled", 1.4, column="humid"),
                _row("wasserstein_scaled", 8.0, column="score"),
            ],
        )


def test_a_month_is_told_in_one_line(store: Store) -> None:
    _fill(store)
    line = next(line for line in _printed(store).splitlines() if "Apr" in line)
    cells = re.split(r"\s{2,}", line.strip())
    assert cells == [
        "Apr",
        "0.650",
        "0.610 02 Apr",
        "25.0%",
        "12.5%",
        "97.5%",
        "temp 1.5 σ",
        "92 ms",
    ]


def test_what_was_not_measured_is_a_dash(store: Store) -> None:
    _record(store, dt.date(2013, 5, 1), [_row("base_rate", 0.2), _row("roc_auc", None)])
    line = next(line for line in _printed(store).splitlines() if "May" in line)
    assert re.split(r"\s{2,}", line.strip()) == [
        "May", "-", "-", "20.0%", "-", "-", "-", "-",
    ]  # fmt: skip


def test_months_come_in_the_order_of_the_year(store: Store) -> None:
    for month in (11, 4, 10):
        _record(store, dt.date(2013, month, 5), [_row("roc_auc", 0.6)])
    assert [month.first_day.month for month in summary.months(store)] == [4, 10, 11]


def test_an_empty_store_has_no_months(store: Store) -> None:
    assert summary.months(store) == []


def _verdict(verdict: str, text: str, **other: object) -> dict[str, object]:
    empty = dict.fromkeys(c.name for c in tables.verdict.c)
    about = {"rule": "drift", "metric": "psi", "column": "temp", "segment": "all"}
    said = {"verdict": verdict, "reason": "lasting", "text": text, "effect_unit": "", "days": 1}
    return {**empty, **about, "model_version": "all", "name": "", "details": {}, **said, **other}


def _decide(store: Store, day: dt.date, verdicts: list[dict[str, object]]) -> None:
    about = EvaluationInput("flight_delay", day, "evaluation", "c", "1", f"{day}", NOON, "r", NOON)
    store.decide("flight_delay", lambda docket: docket.write(about, verdicts, "{}"))


def test_alerts_about_the_same_are_told_once_with_their_gravest_words(store: Store) -> None:
    for day, verdict in zip(APRIL, ("warn", "critical", "warn"), strict=True):
        _decide(store, day, [_verdict(verdict, f"{verdict} [of] it")])
    _decide(store, dt.date(2013, 6, 1), [_verdict("warn", "again", segment="origin=JFK")])
    _decide(store, dt.date(2013, 6, 2), [_verdict("warn", "again"), _verdict("ok", "", name="a")])
    first, second = summary.episodes(store)
    assert (first.first_day, first.last_day, first.days) == (APRIL[0], APRIL[2], 3)
    assert first.is_page
    assert (first.text, second.text) == ("critical [of] it", "again")
    text = io.StringIO()
    Console(file=text, width=140).print(summary.decisions([first, second]))
    words = " ".join(text.getvalue().split())
    assert "page 01 Apr 03 Apr 3 critical [of] it" in words
