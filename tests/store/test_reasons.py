"""What is asked of a store that holds too much to be looked through: why, and which names."""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.store import ReasonCount, Store
from tests.store.builders import DAY, evaluation, row

NEXT = DAY + dt.timedelta(days=1)


def test_reasons_are_counted_over_days_the_most_frequent_first(store: Store) -> None:
    nothing = {"value": None, "status": "no_data", "reason": "column_missing", "detail": "no age"}
    store.record(evaluation(), [row(), row("rate", detail="worst"), row(column="age", **nothing)])
    store.record(evaluation(day=NEXT), [row(column="age", **nothing)])
    store.record(evaluation(monitor="other"), [row(column="age", **nothing)])
    assert store.reasons("flights") == [
        ReasonCount("no_data", "column_missing", "no age", 2, 2, DAY, NEXT),
        ReasonCount("ok", "computed", "", 2, 1, DAY, DAY),
    ]
    assert [r.measurements for r in store.reasons("flights", first_day=NEXT)] == [1]
    assert store.reasons("nobody") == []


def test_the_names_that_were_stored_are_known(store: Store) -> None:
    store.record(evaluation(), [row("psi"), row("auc", column="")])
    store.record(evaluation(day=NEXT, monitor="other"), [row("mae")])
    assert store.known("metric", "flights") == ["auc", "psi"]
    assert store.known("monitor") == ["flights", "other"]
    assert store.known("day") == [DAY, NEXT]
