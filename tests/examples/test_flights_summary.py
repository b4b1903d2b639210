"""Claims about the table that the example ends with, on a store filled by hand."""

from __future__ import annotations

import datetime as dt
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from examples.flights import summary
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Incident, Priority, Status
from monitoring_dagster.incidents.rows import row_of
from monitoring_dagster.store import EvaluationInput, Store
from monitoring_dagster.store.incidents import add

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


def test_the_incidents_are_told_in_the_order_in_which_they_were_opened(store: Store) -> None:
    for number, priority, resolved_at in ((2, "P1", None), (1, "P3", NOON)):
        _keep(store, number, priority, resolved_at)
    text = io.StringIO()
    Console(file=text, width=140).print(summary.incidents(store))
    words = " ".join(text.getvalue().split())
    assert "P3 01 Apr 01 Jan MD-1 [of] it P1 02 Apr open MD-2 [of] it" in words


def _keep(store: Store, number: int, priority: str, resolved_at: dt.datetime | None) -> None:
    opened = dt.datetime(2013, 4, number, 10, tzinfo=dt.UTC)
    incident = Incident(
        ref=f"MD-{number}",
        monitor="flight_delay",
        cause=Cause(CauseKind.COLUMN, f"c{number}"),
        status=Status.RESOLVED if resolved_at else Status.OPEN,
        priority=Priority(priority),
        title="[of] it",
        since=opened.date(),
        last_day=opened.date(),
        opened_at=opened,
        updated_at=opened,
        resolved_at=resolved_at,
    )
    store.write(lambda connection: add(connection, row_of(incident, f"key {number}"), []))
