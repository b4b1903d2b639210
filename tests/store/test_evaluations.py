"""Writing a stage's measurements: once, again, anew, and beside those of other stages."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy.exc import StatementError

from monitoring_dagster.errors import StoreError
from monitoring_dagster.store import Recorded, Store
from tests.store.builders import DAY, MORNING, evaluation, row, rows


def values(table: pa.Table) -> dict[tuple[str, str], float | None]:
    found = table.select(["metric", "column", "value"]).to_pylist()
    return {(r["metric"], r["column"]): r["value"] for r in found}


def test_what_is_recorded_is_read_back_as_it_was(store: Store) -> None:
    about = evaluation()
    recorded = store.record(
        about,
        [
            row(
                value=0.125,
                null_high=0.0625,
                verdict="warn",
                detail="why",
                coverage=0.5,
                maturity="final",
                segment="carrier=UA",
                model_version="3",
            )
        ],
    )
    assert store.measurements("flights").to_pylist() == [
        {
            "monitor": "flights",
            "model_version": "3",
            "day": DAY,
            "metric": "psi",
            "column": "distance",
            "segment": "carrier=UA",
            "stage": "drift",
            "value": 0.125,
            "value_state": "finite",
            "ci_low": 0.2,
            "ci_high": 0.3,
            "reference_value": 0.01,
            "null_high": 0.0625,
            "n": 900,
            "status": "ok",
            "verdict": "warn",
            "reason": "computed",
            "detail": "why",
            "coverage": 0.5,
            "maturity": "final",
            "config_hash": "cfg",
            "evaluation_id": recorded.evaluation_id,
            "revision": 1,
            "computed_at": MORNING,
        }
    ]


def test_the_same_input_writes_nothing(store: Store) -> None:
    first = store.record(evaluation(), rows(3))
    again = store.record(evaluation(), rows(3, value=9.0))
    assert first.written
    assert again == Recorded(first.evaluation_id, 1, written=False)
    assert set(values(store.measurements("flights")).values()) == {0.25}
    assert store.evaluations("flights").num_rows == 1


@pytest.mark.parametrize(
    "changed",
    [
        evaluation("other input"),
        evaluation(config_hash="other configuration"),
        evaluation(algorithm_version="2"),
    ],
    ids=["another input", "another configuration", "another algorithm"],
)
def test_a_changed_evaluation_is_the_next_revision(store: Store, changed: object) -> None:
    first = store.record(evaluation(), rows(3))
    second = store.record(changed, rows(3, value=9.0))  # pyright: ignore[reportArgumentType]
    assert (second.revision, second.written) == (2, True)
    assert second.evaluation_id != first.evaluation_id
    table = store.measurements("flights")
    assert set(values(table).values()) == {9.0}
    assert set(table["revision"].to_pylist()) == {2}
    assert set(table["evaluation_id"].to_pylist()) == {second.evaluation_id}
    assert store.evaluations("flights")["revision"].to_pylist() == [1, 2]


def test_only_the_latest_evaluation_is_compared(store: Store) -> None:
    for fingerprint in ("monday", "tuesday", "monday"):
        store.record(evaluation(fingerprint), rows(1))
    assert store.evaluations("flights")["input_fingerprint"].to_pylist() == [
        "monday",
        "tuesday",
        "monday",
    ]


def test_rows_that_a_stage_no_longer_produces_vanish(store: Store) -> None:
    store.record(evaluation("first"), [row(column=c) for c in ("a", "b", "c")])
    store.record(evaluation("second"), [row(column=c) for c in ("b", "d")])
    assert set(values(store.measurements("flights"))) == {("psi", "b"), ("psi", "d")}
    store.record(evaluation("third"), [])
    assert store.measurements("flights").num_rows == 0


def test_other_stages_days_and_monitors_are_untouched(store: Store) -> None:
    others = [
        evaluation(stage="performance"),
        evaluation(day=DAY + dt.timedelta(days=1)),
        evaluation(monitor="flights_2"),
    ]
    for i, other in enumerate(others):
        store.record(other, [row(metric=f"other_{i}")])
    store.record(evaluation("first"), [row()])
    store.record(evaluation("second"), [])
    assert [r["metric"] for r in store.measurements("flights").to_pylist()] == [
        "other_0",
        "other_1",
    ]
    assert store.measurements("flights_2").num_rows == 1


def test_a_range_is_written_as_a_whole_or_not_at_all(store: Store) -> None:
    store.record(evaluation(stage="performance"), [row("f1")])
    days = [DAY + dt.timedelta(days=i) for i in range(-3, 1)]
    clash = [(evaluation(day=day), [row("f1")]) for day in days]
    with pytest.raises(StoreError, match="refused what was written"):
        store.record_many(clash)
    assert store.latest_days("flights") == {"performance": DAY}
    assert store.measurements("flights").num_rows == 1

    recorded = store.record_many([(evaluation(day=day), rows(2)) for day in days])
    assert [r.written for r in recorded] == [True] * 4
    again = store.record_many([(evaluation(day=day), rows(2)) for day in days])
    assert [(r.evaluation_id, r.written) for r in again] == [
        (r.evaluation_id, False) for r in recorded
    ]


def test_nothing_to_record_is_not_an_error(store: Store) -> None:
    assert store.record_many([]) == []


def test_two_rows_about_the_same_thing_are_refused_by_name(store: Store) -> None:
    with pytest.raises(StoreError, match=r"drift of flights 2026-01-05 measured \('psi', 'dist"):
        store.record(evaluation(), [row(), row(value=1.0)])
    assert store.evaluations("flights").num_rows == 0


def test_an_unknown_key_is_refused_by_name(store: Store) -> None:
    with pytest.raises(StoreError, match="a measurement has no valeu; it may have ci_high"):
        store.record(evaluation(), [row(valeu=1.0)])


def test_every_number_comes_back(store: Store) -> None:
    numbers: dict[str, tuple[float | None, str]] = {
        "not a number": (math.nan, "nan"),
        "infinity": (math.inf, "pos_inf"),
        "minus infinity": (-math.inf, "neg_inf"),
        "nothing": (None, "none"),
        "of numpy": (np.float64(0.5), "finite"),
        "denormal": (5e-324, "finite"),
        "the largest": (1.7976931348623157e308, "finite"),
        "a third": (1 / 3, "finite"),
    }
    store.record(evaluation(), [row(column=c, value=v) for c, (v, _) in numbers.items()])
    found = {r["column"]: r for r in store.measurements("flights").to_pylist()}
    for name, (value, state) in numbers.items():
        assert found[name]["value_state"] == state
        assert repr(found[name]["value"]) == repr(None if value is None else float(value))


def test_a_negative_zero_is_zero(store: Store) -> None:
    store.record(evaluation(), [row(value=-0.0)])
    assert repr(store.measurements("flights")["value"].to_pylist()) == "[0.0]"


def test_bounds_that_do_not_exist_are_null(store: Store) -> None:
    bounds = ["ci_low", "ci_high", "reference_value", "null_high", "coverage"]
    store.record(evaluation(), [row() | dict.fromkeys(bounds, math.nan)])
    found = store.measurements("flights").to_pylist()[0]
    assert [found[name] for name in bounds] == [None] * 5


def test_counts_beyond_the_exact_floats_come_back(store: Store) -> None:
    store.record(evaluation(), [row(n=2**53 + 1)])
    assert store.measurements("flights")["n"].to_pylist() == [2**53 + 1]


NAMES = [
    "'; DROP TABLE measurement; --",
    '"quoted"',
    "100%_:param",
    "\\x00 back\\slash",
    "naïve café",
    "cafe\u0301",
    "航空会社=全日空",
    "👩‍👩‍👧‍👦",
    "\u202eright to left",
    "nan",
    "None",
    " ",
]


def test_names_are_stored_literally(store: Store) -> None:
    keys = ("metric", "column", "segment", "model_version", "detail")
    store.record_many(
        [(evaluation(monitor=name), [row(**dict.fromkeys(keys, name))]) for name in NAMES]
    )
    for name in NAMES:
        found = store.measurements(
            name, metric=name, column=name, segment=name, model_version=name
        ).to_pylist()
        assert [[r["monitor"], *(r[key] for key in keys)] for r in found] == [[name] * 6]


def test_names_that_no_database_holds_stay_apart(store: Store) -> None:
    names = ["a\0b", "a\ufffdb", "a\ud800b", "a\udfffb", "x" * 600, "x" * 601, "é" * 400]
    store.record(evaluation(), [row(column=name, segment=name, detail=name) for name in names])
    assert store.measurements("flights").num_rows == len(names)
    for name in names:
        assert store.measurements("flights", column=name, segment=name).num_rows == 1


def test_the_longest_names_fit_into_the_index(store: Store) -> None:
    long = "".join(chr(0x4E00 + i) for i in range(20_000))
    store.record(
        evaluation(monitor=long), [row(long, long, segment=long, model_version=long, detail=long)]
    )
    assert store.measurements(long, segment=long).num_rows == 1


def test_measurements_are_filtered_and_ordered(store: Store) -> None:
    days = [DAY + dt.timedelta(days=i) for i in (2, 0, 1)]
    measured = [
        row("psi", "b"),
        row("psi", "B"),
        row("psi", "a", segment="carrier=UA"),
        row("psi", "a"),
        row("ks", "a", status="no_data", reason="no_rows", value=None),
    ]
    store.record_many([(evaluation(day=day), measured) for day in days])
    one_day = store.measurements("flights", first_day=days[2], last_day=days[2])
    assert [(r["metric"], r["column"], r["segment"]) for r in one_day.to_pylist()] == [
        ("ks", "a", "all"),
        ("psi", "B", "all"),
        ("psi", "a", "all"),
        ("psi", "a", "carrier=UA"),
        ("psi", "b", "all"),
    ]
    assert store.measurements("flights")["day"].to_pylist() == sorted(days * 5)
    assert store.measurements("flights", status="no_data").num_rows == 3
    assert store.measurements("flights", column="a", segment="all").num_rows == 6
    assert store.measurements("flights", stage="performance").num_rows == 0
    assert store.latest_days("flights") == {"drift": max(days)}
    assert store.latest_days("unknown") == {}


def test_an_empty_answer_has_the_same_columns(store: Store) -> None:
    empty = store.measurements("flights")
    store.record(evaluation(), rows(2))
    full = store.measurements("flights")
    assert empty.num_rows == 0
    assert empty.schema == full.schema
    assert full.schema.field("computed_at").type == pa.timestamp("us", tz="UTC")
    assert store.evaluations("unknown").schema == store.evaluations("flights").schema


def test_an_instant_is_kept_to_the_microsecond_in_utc(store: Store) -> None:
    here = dt.timezone(dt.timedelta(hours=-5))
    noted = dt.datetime(2026, 3, 8, 2, 30, 0, 123_456, tzinfo=here)
    store.record(
        dataclasses.replace(evaluation(), computed_at=noted, as_of=noted),
        rows(1),
    )
    expected = dt.datetime(2026, 3, 8, 7, 30, 0, 123_456, tzinfo=dt.UTC)
    assert store.measurements("flights")["computed_at"].to_pylist() == [expected]
    assert store.evaluations("flights")["as_of"].to_pylist() == [expected]


def test_an_instant_without_a_zone_is_refused(store: Store) -> None:
    naive = dt.datetime(2026, 1, 6, 6)  # noqa: DTZ001 - that is the point
    with pytest.raises(StatementError, match="2026-01-06 06:00:00 has no time zone"):
        store.record(dataclasses.replace(evaluation(), as_of=naive), rows(1))
