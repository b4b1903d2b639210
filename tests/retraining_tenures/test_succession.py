"""Which model is the champion on which day, and what its days are held against."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.reference import folder, reference_id, stored_as
from monitoring_dagster.retraining.succession import BEFORE, Succession, Window

DOCUMENT: dict[str, Any] = {
    "schema_version": 1,
    "name": "drawn",
    "owner": "team:tests",
    "model": {"task": "binary", "threshold": 0.5, "uri": "models:/risk@champion"},
    "telemetry": {
        "predictions": {"kind": "parquet", "path": "p/{date}.parquet"},
        "labels": {"source": {"kind": "parquet", "path": "l/{date}.parquet"}},
    },
    "columns": {
        "id": {"role": "id"},
        "chance": {"role": "score"},
        "outcome": {"role": "label", "type": "integer"},
    },
    "reference": {"first_day": "2026-01-05", "last_day": "2026-02-15"},
    "first_day": "2026-02-16",
}
MONITOR = Monitor.model_validate_json(json.dumps(DOCUMENT))
GOLDEN = "364c2ec64d28096d"
"""What the identity of its reference was before there were tenures."""

WINDOW = Window(dt.date(2026, 3, 1), dt.date(2026, 3, 28))
FIRST = dt.date(2026, 4, 1)


def after(days: int) -> dt.date:
    return FIRST + dt.timedelta(days=days)


def row(
    number: int,
    since: int,
    *,
    resumes: int | None = None,
    window: Window = WINDOW,
    threshold: float | None = 0.7,
) -> Any:
    reference = "" if resumes == 0 else json.dumps(window.document(threshold))
    return SimpleNamespace(
        id=number,
        since=after(since),
        model_version=str(number + 1),
        reference=reference,
        resumes=resumes,
    )


def of(*rows: Any) -> Succession:
    return Succession.of(MONITOR, rows)


def test_without_tenures_every_day_has_the_document_and_its_reference_is_the_one_it_was() -> None:
    assert of().on(after(0)) is MONITOR
    assert reference_id(MONITOR) == GOLDEN
    assert of().stretches([after(1), after(0)]) == [(BEFORE, [after(1), after(0)])]
    assert of().former() is None


def test_a_tenure_brings_its_own_reference_threshold_and_model() -> None:
    champions = of(row(1, 3))
    assert champions.on(after(2)) is MONITOR
    effective = champions.on(after(3))
    assert (effective.reference.first_day, effective.reference.last_day) == (
        WINDOW.first_day,
        WINDOW.last_day,
    )
    assert effective.model.threshold == 0.7
    assert effective.model.uri == "models:/risk/2"
    assert stored_as(effective) == folder(effective) == f"drawn/reference/{reference_id(effective)}"
    assert champions.taking_over("2", WINDOW, 0.7) == effective


def test_a_tenure_without_a_threshold_keeps_the_documents() -> None:
    assert of(row(1, 0, threshold=None)).on(after(0)).model.threshold == 0.5


def test_every_champion_has_a_reference_of_its_own() -> None:
    others = [
        ("2", WINDOW, 0.7),
        ("3", WINDOW, 0.7),
        ("2", Window(WINDOW.first_day, after(-2)), 0.7),
        ("2", Window(WINDOW.first_day, WINDOW.last_day, (after(-9),)), 0.7),
        ("2", WINDOW, 0.6),
    ]
    found = [reference_id(of().taking_over(*other)) for other in others]
    assert len({*found, GOLDEN}) == 6


def test_a_rollback_resumes_what_was_before_with_the_same_reference() -> None:
    champions = of(row(1, 0), row(2, 5), row(3, 9, resumes=1))
    assert champions.on(after(9)) is champions.on(after(4))
    assert champions.reign(after(9)).id == 1
    assert champions.reign(after(7)).id == 2
    assert list(champions.earlier(after(12))) == [(after(0), after(5))]
    assert list(champions.earlier(after(4))) == []
    assert of(row(1, 0), row(2, 5, resumes=0)).on(after(5)) is MONITOR


def test_what_is_written_later_overrules_from_its_day_on() -> None:
    same_day = of(row(1, 0), row(2, 0, resumes=0))
    assert same_day.began(after(3)) == dt.date.min
    assert [s.reign.id for s in same_day.stretches([after(-1), after(0)])] == [0]
    assert [of(row(1, 5), row(2, 2)).reign(after(n)).id for n in (1, 2, 5, 9)] == [0, 2, 2, 2]


@pytest.mark.parametrize(
    ("rows", "back_to"),
    [
        pytest.param([], None, id="nobody reigned before the first"),
        pytest.param([row(1, 0)], 0, id="before the first promotion there was the document"),
        pytest.param([row(1, 0), row(2, 5)], 1, id="before the second there was the first"),
        pytest.param([row(1, 0), row(2, 5), row(3, 6, resumes=1)], 0, id="who was rolled back"),
        pytest.param([row(1, 0), row(2, 5, resumes=0)], None, id="the first who came back"),
        pytest.param(
            [row(1, 0), row(2, 5, resumes=0), row(3, 9)], 0, id="who came back and was followed"
        ),
    ],
)
def test_a_rollback_goes_to_who_reigned_before_and_was_not_rolled_back_from(
    rows: list[Any], back_to: int | None
) -> None:
    found = of(*rows).former()
    assert (None if found is None else found.id) == back_to


@st.composite
def successions(draw: st.DrawFn) -> list[Any]:
    rows: list[Any] = []
    for number in range(1, draw(st.integers(0, 5)) + 1):
        resumes = draw(st.none() | st.integers(0, number - 1))
        rows.append(row(number, draw(st.integers(0, 9)), resumes=resumes))
    return rows


@given(successions())
def test_days_are_split_by_who_reigned(rows: list[Any]) -> None:
    champions = of(*rows)
    days = [after(n) for n in range(-2, 12)]

    def reign(day: dt.date) -> int:
        held = [r for r in rows if r.since <= day]
        number = held[-1].id if held else 0
        while number and rows[number - 1].resumes is not None:
            number = rows[number - 1].resumes
        return number

    assert [champions.reign(day).id for day in days] == [reign(day) for day in days]
    stretches = champions.stretches(days)
    assert [day for _, part in stretches for day in part] == days
    for stretch, following in zip(stretches, [*stretches[1:], None], strict=True):
        assert {reign(day) for day in stretch.days} == {stretch.reign.id}
        assert following is None or following.reign != stretch.reign
        assert all(champions.began(day) <= stretch.days[0] for day in stretch.days)
    last = days[-1]
    before = {d for first, end in champions.earlier(last) for d in days if first <= d < end}
    began = champions.began(last)
    assert before == {day for day in days if day < began and reign(day) == reign(last)}
