"""Windows: split by time, only final labels, nothing broken, and the same plan every time."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.monitors.calendar import matures_at
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.profiles.reference import folder as reference_folder
from monitoring_dagster.retraining.windows import Plan, Taken, lookup, plan
from monitoring_dagster.retraining.windows import taken as taken_of
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import ColumnState, Manifest, folder, write_manifest
from tests.retraining_requests.flights import day, document, matured, taken

GONE = taken(0, "no snapshot of features was taken", is_gone=True)


def planned(
    monitor: Monitor,
    now: int,
    *,
    since: dt.date | None = None,
    broken: Mapping[dt.date, str] | None = None,
    lake: Mapping[dt.date, Taken] | None = None,
    trained_until: dt.date | None = None,
) -> Plan:
    held = lake or {}
    return plan(
        monitor,
        now=matured(now),
        since=since,
        broken=broken or {},
        look_up=lambda when: held.get(when, taken()),
        trained_until=trained_until,
    )


def spans(found: Plan) -> tuple[dt.date, dt.date, dt.date, dt.date]:
    training, validation = found.training, found.validation
    return training[0].day, training[-1].day, validation[0].day, validation[-1].day


def test_the_newest_final_days_validate_and_all_before_them_train() -> None:
    found = planned(document(), now=59)
    assert spans(found) == (day(-31), day(31), day(32), day(59))
    assert (len(found.validation), found.rows, found.excluded) == (28, 6_300, ())


def test_the_days_of_the_reference_may_be_trained_on() -> None:
    found = planned(document(window={"validation_days": 3}), now=5)
    assert spans(found) == (day(-31), day(2), day(3), day(5))


def test_a_sliding_window_has_so_many_days_before_validation() -> None:
    sliding = document(window={"kind": "sliding", "days": 10, "validation_days": 7})
    found = planned(sliding, now=59, broken={day(45): "x", day(2): "y"})
    assert spans(found) == (day(43), day(52), day(53), day(59))
    assert [e.day for e in found.excluded] == [day(45)]
    assert len(found.training) == 9


def test_a_window_since_the_change_begins_with_it() -> None:
    since_change = document(window={"kind": "since_change", "validation_days": 7})
    found = planned(since_change, now=59, since=day(40), broken={day(2): "x"})
    assert spans(found) == (day(40), day(52), day(53), day(59))
    assert found.excluded == ()
    assert found.document()["since"] == day(40).isoformat()


def test_a_change_that_is_younger_than_validation_leaves_nothing_to_train_on() -> None:
    since_change = document(window={"kind": "since_change"})
    found = planned(since_change, now=59, since=day(50))
    assert (found.training, len(found.validation)) == ((), 28)


def test_a_recent_window_takes_all_days_and_says_how_they_fade() -> None:
    recent = document(window={"kind": "recent", "half_life_days": 30})
    found = planned(recent, now=59, since=day(40))
    assert spans(found)[0] == day(-31)
    assert (found.document()["half_life_days"], found.document()["since"]) == (30, None)


def test_days_that_cannot_be_used_are_named_and_validation_reaches_further_back() -> None:
    lake = {day(50): taken(0, "labels: no label of these predictions is known yet")}
    found = planned(document(), now=59, broken={day(58): "broken data: column:x"}, lake=lake)
    assert [(e.day, e.because) for e in found.excluded] == [
        (day(50), "labels: no label of these predictions is known yet"),
        (day(58), "broken data: column:x"),
    ]
    assert (found.validation[0].day, found.validation[-1].day) == (day(30), day(59))


def test_what_is_past_its_retention_is_no_gap_and_what_is_missing_later_is_one() -> None:
    lake = {day(n): GONE for n in [*range(-31, 10), 12]}
    found = planned(document(), now=59, lake=lake)
    assert (found.span, [e.day for e in found.excluded]) == ((day(10), day(59)), [day(12)])


def test_what_the_champion_was_fitted_on_cannot_judge_it() -> None:
    found = planned(document(), now=59, trained_until=day(49))
    assert spans(found) == (day(-31), day(49), day(50), day(59))


def test_no_day_after_the_last_monitored_one_is_planned() -> None:
    ended = Monitor.model_validate(document().model_copy(update={"last_day": day(20)}))
    assert planned(ended, now=59).span == (day(-31), day(20))


def test_a_monitor_without_labels_has_nothing_to_plan() -> None:
    bare = document()
    telemetry = bare.telemetry.model_copy(update={"labels": None})
    found = planned(bare.model_copy(update={"telemetry": telemetry}), now=59)
    assert (found.days, found.span) == (0, None)


def test_the_document_says_everything_that_training_depends_on() -> None:
    given = document(parameters={"depth": 3, "rate": 0.1}, seed=7, window={"validation_days": 2})
    found = planned(given, now=2, broken={day(1): "broken data: column:x"})
    said = json.loads(json.dumps(found.document()))
    assert {k: v for k, v in said.items() if k not in ("training", "validation")} == {
        "trainer": "shop.training:train",
        "parameters": {"depth": 3, "rate": 0.1},
        "seed": 7,
        "config_hash": given.config_hash,
        "window": "expanding",
        "since": None,
        "half_life_days": None,
        "excluded": [{"day": "2026-01-02", "because": "broken data: column:x"}],
        "training_rows": 3_100,
        "validation_rows": 200,
    }
    assert said["validation"][-1] == {
        "day": "2026-01-03",
        "name": "flights",
        "digests": {"features": "f" * 64, "predictions": "p" * 64, "labels": "l" * 64},
        "labelled": 100,
    }


# --- properties -----------------------------------------------------------------------------------

WINDOWS = st.one_of(
    st.just({"kind": "expanding"}),
    st.just({"kind": "since_change"}),
    st.builds(lambda d: {"kind": "sliding", "days": d}, st.integers(1, 60)),
    st.builds(lambda d: {"kind": "recent", "half_life_days": d}, st.integers(1, 60)),
)
NUMBERS = st.integers(-31, 70)


@given(
    WINDOWS,
    st.integers(1, 40),
    st.integers(0, 70),
    st.sets(NUMBERS),
    st.dictionaries(NUMBERS, st.sampled_from([GONE, taken(0, "damaged")])),
    st.none() | NUMBERS,
    st.none() | NUMBERS,
)
def test_a_plan_is_split_by_time_and_uses_final_and_sound_days_only(
    window: dict[str, Any],
    validation_days: int,
    now: int,
    broken: set[int],
    lake: dict[int, Taken],
    since: int | None,
    until: int | None,
) -> None:
    monitor = document(window=window | {"validation_days": validation_days})

    def made() -> Plan:
        return planned(
            monitor,
            now,
            since=None if since is None else day(since),
            broken=dict.fromkeys(map(day, broken), "broken"),
            lake={day(n): held for n, held in lake.items()},
            trained_until=None if until is None else day(until),
        )

    found = made()
    training, validation = ([p.day for p in part] for part in (found.training, found.validation))
    used = [*training, *validation]
    assert used == sorted(set(used))
    assert len(validation) <= validation_days
    assert all((matures_at(monitor, when) or matured(99)) <= matured(now) for when in used)
    bad = {day(n) for n in broken | set(lake)}
    assert not bad & set(used)
    assert not set(used) & {e.day for e in found.excluded}
    assert {e.day for e in found.excluded} <= bad
    if until is not None:
        assert all(when > day(until) for when in validation)
    if window["kind"] == "sliding" and training and validation:
        assert (validation[0] - training[0]).days <= window["days"]
    if window["kind"] == "since_change" and since is not None:
        assert all(when >= day(since) for when in training)
    assert made().document() == found.document()


# --- the lake -------------------------------------------------------------------------------------


def manifest(kind: Kind, when: dt.date, **more: Any) -> Manifest:
    given: dict[str, Any] = {
        "status": "ok",
        "file": "x.parquet",
        "sha256": kind[0] * 64,
        "rows": 90,
        **more,
    }
    if kind is Kind.LABELS:
        given = {"maturity": "final"} | given
    return Manifest(monitor="flights", kind=kind, day=when, **given)


def whole(when: dt.date) -> dict[Kind, Manifest | None]:
    return {kind: manifest(kind, when) for kind in Kind}


def test_a_day_of_the_reference_lies_in_its_folder(tmp_path: Path) -> None:
    lake, monitor = Lake(str(tmp_path)), document()
    look_up = lookup(lake, monitor)
    for when, name in ((day(-1), reference_folder(monitor)), (day(0), "flights")):
        for kind in Kind:
            write_manifest(lake, folder(name, kind, when), manifest(kind, when))
        found = look_up(when)
        assert (found.name, found.labelled, found.problem) == (name, 90, "")
        assert found.digests == {"features": "f" * 64, "predictions": "p" * 64, "labels": "l" * 64}
    assert look_up(day(1)).is_gone


def test_a_damaged_manifest_is_told_and_not_read(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    lake.write(f"{folder('flights', Kind.LABELS, day(0))}/manifest.json", b"{")
    found = lookup(lake, document())(day(0))
    assert "is damaged" in found.problem
    assert not found.is_gone


def test_labels_without_a_value_are_not_counted() -> None:
    held = whole(day(0))
    held[Kind.LABELS] = manifest(Kind.LABELS, day(0), columns={"late": ColumnState(nulls=40)})
    assert taken_of(document(), "flights", held).labelled == 50


@pytest.mark.parametrize(
    ("kind", "changed", "said"),
    [
        (Kind.FEATURES, None, "no snapshot of features was taken"),
        (
            Kind.PREDICTIONS,
            {"status": "error", "detail": "no such file", "file": None},
            "predictions: no such file",
        ),
        (Kind.LABELS, {"maturity": "provisional"}, "labels were still expected"),
        (Kind.LABELS, {"columns": {"late": ColumnState(nulls=90)}}, "no label is known"),
    ],
    ids=["a kind is missing", "a kind has an error", "labels were early", "labels have no value"],
)
def test_what_cannot_be_used_says_why(
    kind: Kind, changed: dict[str, Any] | None, said: str
) -> None:
    held = whole(day(0))
    held[kind] = None if changed is None else manifest(kind, day(0), **changed)
    assert said in taken_of(document(), "flights", held).problem
