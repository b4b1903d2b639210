"""Silences, windows and snoozes: what they match, until when, and which are refused."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest

from monitoring_dagster.errors import SilenceInvalid
from monitoring_dagster.incidents.cause import Cause
from monitoring_dagster.incidents.silences import Mute, Silence, check, matches, muted, muted_cause
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_lifecycle.small_desk import INPUTS, an_incident, monitor_with

NOW = dt.datetime(2026, 2, 1, 12, tzinfo=dt.UTC)
HOLIDAYS = Silence(1, "flights", "inputs", NOW, NOW + dt.timedelta(days=2), "ada", "holidays")


@pytest.mark.parametrize(
    ("monitor", "cause", "is_matched"),
    [
        pytest.param("flights", "inputs", True, id="the very names"),
        pytest.param("flight", "inputs", False, id="a part of a name"),
        pytest.param("flight*", "*", True, id="everything of some monitors"),
        pytest.param("*", "segment:*", False, id="another kind of cause"),
    ],
)
def test_a_silence_matches_by_name(monitor: str, cause: str, is_matched: bool) -> None:
    silence = dataclasses.replace(HOLIDAYS, monitor=monitor, cause=cause)
    assert matches(silence, "flights", INPUTS) is is_matched


def test_a_kind_alone_does_not_match_each_of_its_names() -> None:
    silence = dataclasses.replace(HOLIDAYS, cause="segment:*")
    assert matches(silence, "flights", Cause.parse("segment:carrier=UA"))
    assert not matches(
        dataclasses.replace(silence, cause="segment"), "flights", Cause.parse("segment:a=b")
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"ends_at": NOW}, "is not after", id="it ends as it begins"),
        pytest.param(
            {"ends_at": NOW + dt.timedelta(days=30, hours=12)},
            "the silence lasts 30.5 days, at most 30 are allowed",
            id="it lasts too long",
        ),
        pytest.param(
            {"starts_at": NOW - dt.timedelta(days=3), "ends_at": NOW - dt.timedelta(days=1)},
            "which is over",
            id="it is over",
        ),
        pytest.param(
            {"ends_at": dt.datetime(2026, 2, 3)},  # noqa: DTZ001 - what is refused
            "give its times with their zone or offset",
            id="a time without its zone",
        ),
        pytest.param({"because": " "}, "because is empty, required is why", id="no reason"),
        pytest.param({"author": ""}, "author is empty, required is who silences it", id="nobody"),
        pytest.param(
            {"cause": "input"},
            "cause 'input' matches no cause; did you mean inputs?",
            id="a cause that there is none of",
        ),
        pytest.param(
            {"because": "x" * 501},
            "because has 501 characters, at most 500 are kept",
            id="a novel",
        ),
    ],
)
def test_a_silence_that_cannot_be_meant_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(SilenceInvalid, match=told.replace("?", r"\?")):
        check(dataclasses.replace(HOLIDAYS, **changes), NOW)


def test_every_mistake_of_a_silence_is_told_at_once() -> None:
    with pytest.raises(SilenceInvalid) as refused:
        check(dataclasses.replace(HOLIDAYS, ends_at=NOW, author="", because=""), NOW)
    assert len(str(refused.value).splitlines()) == 3


@pytest.mark.parametrize("cause", ["inputs", "*", "segment:*", "se*:carrier=UA", "column:[a-f]*"])
def test_a_silence_that_can_be_meant_is_accepted(cause: str) -> None:
    check(dataclasses.replace(HOLIDAYS, cause=cause), NOW)


def test_a_silence_mutes_from_its_first_instant_to_before_its_last(monitor: Monitor) -> None:
    why = Mute("silenced by ada: holidays", HOLIDAYS.ends_at)
    tick = dt.timedelta(microseconds=1)
    for now, expected in (
        (HOLIDAYS.starts_at - tick, None),
        (HOLIDAYS.starts_at, why),
        (HOLIDAYS.ends_at - tick, why),
        (HOLIDAYS.ends_at, None),
    ):
        assert muted_cause(INPUTS, [HOLIDAYS], monitor, now) == expected


def test_of_several_reasons_the_one_counts_that_ends_last(monitor: Monitor) -> None:
    wakes_at = NOW + dt.timedelta(days=3)
    asleep = dataclasses.replace(an_incident(), snoozed_until=wakes_at)
    longer = dataclasses.replace(HOLIDAYS, ends_at=NOW + dt.timedelta(days=4), because="ski")
    assert muted(asleep, [HOLIDAYS], monitor, NOW) == Mute("snoozed", wakes_at)
    assert muted(asleep, [HOLIDAYS, longer], monitor, NOW) == Mute(
        "silenced by ada: ski", longer.ends_at
    )


@pytest.mark.parametrize(
    ("now", "until"),
    [
        pytest.param("2026-02-07T21:59", None, id="before it begins"),
        pytest.param("2026-02-07T22:00", "2026-02-08T04:00", id="as it begins"),
        pytest.param("2026-02-08T03:59", "2026-02-08T04:00", id="past midnight"),
        pytest.param("2026-02-08T04:00", None, id="as it ends"),
        pytest.param("2026-02-08T22:30", None, id="on the evening of the day on which it ends"),
    ],
)
def test_a_window_may_last_past_midnight(now: str, until: str | None) -> None:
    monitor = monitor_with(
        maintenance=[{"days": ["sat"], "from": "22:00", "to": "04:00", "because": "backup"}]
    )
    found = muted_cause(INPUTS, [], monitor, dt.datetime.fromisoformat(f"{now}+00:00"))
    ends = until and dt.datetime.fromisoformat(f"{until}+00:00")
    expected = ends and Mute("maintenance: backup", ends, is_planned=True)
    assert found == expected
