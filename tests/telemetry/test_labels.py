"""Labels: late, twice, before their predictions, never; and knowing exactly what changed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from monitoring_dagster.monitors.calendar import taken_at
from monitoring_dagster.monitors.contract import Kind
from tests.telemetry.world import DAY, MORNING, World, noon

NEXT = DAY + dt.timedelta(days=1)
LABELS, PREDICTIONS = Kind.LABELS, Kind.PREDICTIONS

both_ways = pytest.mark.parametrize("filed_under", ["prediction_day", "arrival_day"])


def later(days: float) -> dt.datetime:
    return MORNING + dt.timedelta(days=days)


def stored(world: World, day: dt.date = DAY) -> dict[str, int | None]:
    """Outcomes by id, as the snapshot of labels has them."""
    manifest = world.take(LABELS, day)
    if manifest.status != "ok":
        return {}
    rows = world.rows(manifest)
    return dict(zip(rows["id"], rows["outcome"], strict=True))


@pytest.fixture(params=["prediction_day", "arrival_day"])
def either(request: pytest.FixtureRequest, world: World) -> World:
    """A day of four predictions, under each way of filing labels."""
    world.filed_under = request.param
    world.write_predictions(["a", "b", "c", "d"])
    world.take(PREDICTIONS)
    return world


def test_the_labels_of_a_day_are_those_of_its_predictions(either: World) -> None:
    either.write_labels([("b", 0), ("a", 1), ("x", 1), ("y", 0)])
    manifest = either.take(LABELS)
    assert either.rows(manifest) == {
        "id": ["b", "a"],
        "labelled_at": [noon(hour=20)] * 2,
        "outcome": [0, 1],
    }
    assert (manifest.rows, manifest.orphans, manifest.duplicates) == (2, 2, 0)
    assert manifest.maturity == "provisional"


def test_a_day_is_final_once_it_is_mature_without_being_written_again(either: World) -> None:
    either.write_labels([("a", 1)])
    either.as_of = later(0)
    first = either.take(LABELS)
    either.as_of = later(1)
    second = either.take(LABELS)
    assert (first.maturity, second.maturity) == ("provisional", "final")
    assert first.sha256 == second.sha256


def test_a_day_that_turned_final_is_a_changed_day_until_it_is_taken(either: World) -> None:
    path = either.write_labels([("a", 1)])
    either.take(LABELS)
    either.as_of = later(1)
    assert set(either.changed()) == {DAY}
    path.unlink()
    assert either.take(LABELS).maturity == "final"
    assert either.changed() == {}


def test_labels_before_their_predictions_wait_until_those_are_here(world: World) -> None:
    """Row 7."""
    world.write_labels([("a", 1)])
    waiting = world.take(LABELS)
    assert (waiting.status, waiting.reason) == ("no_data", "no_snapshot")
    assert "labels wait in their source" in waiting.detail
    assert world.changed() == {}
    world.write_predictions(["a"])
    world.take(PREDICTIONS)
    assert set(world.changed()) == {DAY}
    assert stored(world) == {"a": 1}
    assert world.changed() == {}


def test_of_several_labels_of_one_prediction_the_latest_wins_and_is_counted(
    either: World,
) -> None:
    """Row 8."""
    labels = [("a", 0), ("a", 1), ("b", 1), ("b", 1), ("c", 0)]
    times = [noon(hour=h) for h in (15, 14, 13, 16, 12)]
    either.write_labels(labels, at=times)
    manifest = either.take(LABELS)
    assert stored(either) == {"a": 0, "b": 1, "c": 0}
    assert (manifest.relabelled, manifest.duplicates, manifest.conflicts) == (1, 1, 0)


def test_labels_without_a_time_win_in_the_order_in_which_they_came(either: World) -> None:
    del either.columns["labelled_at"]
    either.write_labels([("a", 0), ("a", 1)])
    assert stored(either) == {"a": 1}


def test_a_label_that_was_changed_in_its_source_is_a_changed_day(either: World) -> None:
    either.write_labels([("a", 0), ("b", 1)])
    either.take(LABELS)
    assert either.changed() == {}
    either.write_labels([("a", 1), ("b", 1)])
    changed = either.changed()
    assert set(changed) == {DAY}
    assert either.changed() == changed
    assert stored(either) == {"a": 1, "b": 1}
    assert either.changed() == {}


def test_labels_become_known_as_time_passes_over_an_unchanged_file(either: World) -> None:
    times = [noon(hour=20), noon(NEXT, hour=9), noon(NEXT, hour=15)]
    either.write_labels([("a", 1), ("b", 0)], at=times[:2])
    if either.filed_under == "arrival_day":
        either.write_labels([("a", 1)], at=times[:1])
        either.write_labels([("b", 0), ("c", 1)], day=NEXT, at=times[1:])
    else:
        either.write_labels([("a", 1), ("b", 0), ("c", 1)], at=times)
    expected = [
        (noon(NEXT, hour=6), {"a": 1}),
        (noon(NEXT, hour=8, minute=59), {"a": 1}),
        (noon(NEXT, hour=9), {"a": 1, "b": 0}),
        (noon(NEXT, hour=16), {"a": 1, "b": 0, "c": 1}),
    ]
    held: dict[str, int | None] = {}
    for as_of, labels in expected:
        either.as_of = as_of
        assert set(either.changed()) == (set() if labels == held else {DAY})
        held = stored(either)
        assert held == labels
        assert either.changed() == {}


def test_taking_a_day_as_of_an_earlier_time_forgets_what_came_later(either: World) -> None:
    either.write_labels([("a", 1)], at=noon(hour=20))
    either.write_labels([("b", 1)], day=NEXT, at=noon(NEXT, hour=20))
    if either.filed_under == "prediction_day":
        either.write_labels([("a", 1), ("b", 1)], at=[noon(hour=20), noon(NEXT, hour=20)])
    either.as_of = later(3)
    assert stored(either) == {"a": 1, "b": 1}
    either.as_of = later(0)
    assert stored(either) == {"a": 1}
    either.as_of = noon(hour=19)
    assert stored(either) == {}


def test_a_day_whose_labels_are_not_known_yet_is_no_data(either: World) -> None:
    either.write_labels([("a", 1)], at=noon(hour=20))
    either.as_of = noon(hour=19)
    manifest = either.take(LABELS)
    assert (manifest.status, manifest.reason, manifest.file) == ("no_data", "no_rows", None)
    assert manifest.detail == "no label of these predictions is known yet"


def test_labels_that_come_too_late_are_not_taken(either: World) -> None:
    """Accepted until 11 days after the day, its maturity of 1 day included."""
    last = DAY + dt.timedelta(days=11)
    times = [noon(last, hour=23), noon(last + dt.timedelta(days=1), hour=0)]
    either.as_of = later(20)
    if either.filed_under == "prediction_day":
        either.write_labels([("a", 1), ("b", 1)], at=times)
        assert either.take(LABELS).orphans == 1
    else:
        either.write_labels([("a", 1)], day=last, at=times[0])
        either.write_labels([("b", 1)], day=last + dt.timedelta(days=1), at=times[1])
    assert stored(either) == {"a": 1}
    assert either.changed() == {}


def test_predictions_that_changed_are_matched_anew(either: World) -> None:
    either.write_labels([("a", 1), ("e", 0)])
    assert stored(either) == {"a": 1}
    either.write_predictions(["a", "b", "e"])
    either.take(PREDICTIONS)
    assert set(either.changed()) == {DAY}
    assert stored(either) == {"a": 1, "e": 0}
    assert either.changed() == {}


def test_a_rewritten_file_with_the_same_labels_gives_the_same_snapshot(either: World) -> None:
    either.write_labels([("a", 1), ("b", 0)])
    first = either.take(LABELS)
    either.write_labels([("a", 1), ("b", 0), ("x", 1)])
    second = either.take(LABELS)
    assert second.sha256 == first.sha256
    assert (first.orphans, second.orphans) == (0, 1)


def test_labels_that_vanish_from_their_source_stay(either: World) -> None:
    path = either.write_labels([("a", 1)])
    first = either.take(LABELS)
    path.unlink()
    assert stored(either) == {"a": 1}
    assert either.take(LABELS).sha256 == first.sha256
    assert either.changed() == {}


def test_labels_that_cannot_be_read_are_an_error_that_is_not_repeated(either: World) -> None:
    either.path(LABELS).write_bytes(b"no parquet")
    manifest = either.take(LABELS)
    assert (manifest.status, manifest.reason) == ("error", "source_unreadable")
    assert either.changed() == {}
    either.write_labels([("a", 1)])
    assert set(either.changed()) == {DAY}


def test_labels_with_values_of_another_kind_are_quarantined(either: World) -> None:
    table = {"id": ["a", None, "c", "d"], "labelled_at": [noon(hour=20)] * 4,
             "outcome": ["1", "1", "won", "0"]}  # fmt: skip
    either.write(LABELS, table)
    manifest = either.take(LABELS)
    assert manifest.quarantined == {"no_id": 1, "unparsable_value": 1}
    assert stored(either) == {"a": 1, "d": 0}
    assert [q["@reason"] for q in either.quarantined(manifest)] == ["no_id", "unparsable_value"]


def test_labels_under_pseudonyms_still_find_their_predictions(world: World) -> None:
    world.columns["id"] = {"role": "id", "privacy": "direct"}
    for world.filed_under in ("prediction_day", "arrival_day"):
        world.write_predictions(["a", "b"])
        world.write_labels([("a", 1), ("x", 1)])
        world.take(PREDICTIONS)
        manifest = world.take(LABELS)
        assert (manifest.rows, manifest.orphans) == (1, 1)
        assert world.rows(manifest)["id"][0].startswith("pk1_")


def test_without_a_source_of_labels_nothing_changes(world: World) -> None:
    world.changes = {"telemetry": {"predictions": {"kind": "parquet", "path": "p/{date}.parquet"}}}
    world.columns = {
        "id": {"role": "id", "in": ["predictions"]},
        "score": world.columns["score"],
    }
    assert world.changed() == {}
    assert world.take(LABELS).reason == "source_missing"


# --- by day of arrival ---------------------------------------------------------------------


def test_a_label_that_arrives_later_changes_the_day_of_its_prediction_only(world: World) -> None:
    world.filed_under = "arrival_day"
    days = [DAY + dt.timedelta(days=i) for i in range(4)]
    world.as_of = later(4)
    for day in days:
        world.write_predictions([f"{day}-a", f"{day}-b"], day)
        world.take(PREDICTIONS, day)
        world.write_labels([(f"{day}-a", 1)], day, noon(day, hour=20))
        world.take(LABELS, day)
    assert world.changed() == {}
    arrived = days[3]
    labels = [(f"{days[3]}-a", 1), (f"{days[1]}-b", 0)]
    world.write_labels(labels, arrived, noon(arrived, hour=20))
    assert set(world.changed()) == {days[1]}
    assert stored(world, days[1]) == {f"{days[1]}-a": 1, f"{days[1]}-b": 0}
    assert world.changed() == {}


def test_the_source_of_arrivals_is_read_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitoring_dagster.telemetry import ingest

    opened: list[dt.date] = []
    open_day = ingest.open_day

    def counting(source, monitor, kind, window, *, access):  # type: ignore[no-untyped-def]
        if kind is LABELS:
            opened.append(window.day)
        return open_day(source, monitor, kind, window, access=access)

    monkeypatch.setattr(ingest, "open_day", counting)
    world.filed_under = "arrival_day"
    world.as_of = later(4)
    days = [DAY + dt.timedelta(days=i) for i in range(4)]
    for day in days:
        world.write_predictions([f"{day}"], day)
        world.write_labels([(f"{day}", 1)], day, noon(day, hour=20))
        world.take(PREDICTIONS, day)
    for _ in range(2):
        world.changed()
        for day in days:
            world.take(LABELS, day)
    assert sorted(opened) == days


def test_one_unreadable_day_of_arrivals_does_not_stop_the_others(world: World) -> None:
    world.filed_under = "arrival_day"
    world.as_of = later(3)
    world.write_predictions(["a", "b"])
    world.take(PREDICTIONS)
    world.write_labels([("a", 1)])
    world.path(LABELS, NEXT).write_bytes(b"no parquet")
    manifest = world.take(LABELS)
    assert (manifest.status, manifest.rows) == ("ok", 1)
    assert manifest.detail.startswith("labels that arrived on 2026-01-06: ")


@both_ways
def test_labels_that_trickle_in_for_a_month_are_found_exactly_when_they_arrive(
    world: World, filed_under: str
) -> None:
    """Row 9's first half, against a reckoning in plain Python."""
    world.filed_under = filed_under
    random = np.random.default_rng(7)
    days = [DAY + dt.timedelta(days=i) for i in range(12)]
    truth: dict[dt.date, list[tuple[str, int, dt.datetime]]] = {day: [] for day in days}
    for day in days:
        ids = [f"{day}-{i}" for i in range(5)]
        world.write_predictions(ids, day)
        for i in ids:
            delay = dt.timedelta(hours=float(random.integers(1, 24 * 9)))
            truth[day].append((i, int(random.integers(2)), noon(day) + delay))
    if filed_under == "prediction_day":
        for day, labels in truth.items():
            world.write_labels([(i, y) for i, y, _ in labels], day, [at for *_, at in labels])
    else:
        everything = [label for labels in truth.values() for label in labels]
        for arrived in sorted({at.date() for *_, at in everything}):
            here = [label for label in everything if label[2].date() == arrived]
            world.write_labels([(i, y) for i, y, _ in here], arrived, [at for *_, at in here])
    held: dict[dt.date, dict[str, int]] = {}
    for today in days:
        world.as_of = taken_at(world.monitor, today)
        world.take(PREDICTIONS, today)
        known = {
            day: {i: y for i, y, at in truth[day] if at <= world.as_of}
            for day in days
            if day <= today
        }
        expected = {day for day, labels in known.items() if labels != held.get(day, {})}
        expected |= {today - dt.timedelta(days=1)} & set(days)  # final from now on
        # A file by day of prediction that holds labels which nobody knows yet is a day to take.
        fresh = {today} if filed_under == "prediction_day" else set()
        assert set(world.changed()) - fresh == expected - fresh, today
        for day in expected | {today}:
            held[day] = {i: y or 0 for i, y in stored(world, day).items()}
            assert held[day] == known[day]
        assert world.changed() == {}
