from __future__ import annotations

import datetime as dt
import json

import pytest

from monitoring_dagster.incidents.incident import Priority, Status
from monitoring_dagster.notifications import digest, probe, replies
from monitoring_dagster.notifications.digest import DigestLine
from monitoring_dagster.notifications.message import Form, Message, NoticeKind
from tests.notifications_messages.reading import (
    assert_nothing_is_alive_but,
    assert_slack_takes,
    shown,
)

EVIL = "<!channel> <@U1> <http://evil|report> *b* `x` _i_"
PAYLOAD = {
    "headline": "Nobody has acknowledged this P1 for 30 minutes",
    "lines": ["roc_auc was 0.439, required is ≥ 0.6", "It costs about 6,440 USD a day"],
    "mention": "<!subteam^S0123ABC>",
    "ref": "MD-7F3A9C",
    "monitor": "flight_delay",
}


def reply(kind: NoticeKind, form: Form = Form.FULL, **other: object) -> Message:
    payload = json.loads(json.dumps(PAYLOAD | other))
    return replies.message(kind, payload, form=form, key="k")


def line(number: int, **other: object) -> DigestLine:
    first = dt.date(2013, 4, 1) + dt.timedelta(days=number)
    values = {
        "ref": f"MD-{number:06d}",
        "priority": list(Priority)[number % 4],
        "monitor": "flight_delay",
        "title": "`temp` moved in origin=EWR",
        "first_day": first,
        "last_day": first + dt.timedelta(days=2),
        "status": Status.OPEN,
    }
    return DigestLine(**(values | other))  # pyright: ignore[reportArgumentType]


def test_an_escalation_calls_whom_the_document_names() -> None:
    for form in Form:
        message = reply(NoticeKind.ESCALATION, form)
        assert message.text.startswith("🚨 <!subteam^S0123ABC> Nobody has acknowledged")
        assert "subteam" not in message.plain
        assert_slack_takes(message, "k")
        assert_nothing_is_alive_but(message, {"!subteam^S0123ABC"})
    assert shown(reply(NoticeKind.ESCALATION)).startswith(
        "🚨 <!subteam^S0123ABC> *Nobody has acknowledged this P1 for 30 minutes*\n"
        "• `roc_auc` was 0.439, required is ≥ 0.6\n"
    )


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_no_reply_calls_anybody_else(kind: NoticeKind, form: Form) -> None:
    message = reply(
        kind, form, headline=EVIL, lines=[EVIL * 50] * 40, mention=EVIL, monitor=EVIL, ref=EVIL
    )
    assert_slack_takes(message, "k")
    assert_nothing_is_alive_but(message, set())


@pytest.mark.parametrize(
    "payload",
    [{}, {"headline": "", "lines": None, "mention": None}, {"lines": "text", "ref": 7}],
    ids=["nothing", "empty values", "values of other kinds"],
)
def test_a_payload_that_lacks_something_is_told_all_the_same(payload: dict[str, object]) -> None:
    for form in Form:
        message = replies.message(NoticeKind.REMINDER, payload, form=form, key="k")
        assert_slack_takes(message, "k")
        assert replies.is_reminder(message.text)


def test_a_reply_in_doubt_says_so_at_its_end() -> None:
    message = replies.message(
        NoticeKind.RESOLUTION, PAYLOAD, form=Form.FULL, key="k", is_doubtful=True
    )
    assert message.text.endswith("MD-7F3A9C · possible duplicate")
    assert shown(message).endswith("flight_delay · MD-7F3A9C · possible duplicate")


def test_only_reminders_are_taken_for_reminders() -> None:
    kinds = [kind for kind in NoticeKind if replies.is_reminder(reply(kind).text)]
    assert kinds == [NoticeKind.REMINDER]


def test_a_backfill_is_one_message_that_calls_nobody() -> None:
    lines = [line(number) for number in range(12)]
    message = digest.message(digest.of_days("Backfill", lines), lines, form=Form.FULL, key="k")
    text = shown(message)
    assert text.startswith(
        "📋 Backfill of flight_delay, 1–14 Apr 2013: 12 incidents in days that are over; "
        "nobody was called\n*🔴 3 × P1, 🟠 3 × P2, 🟡 3 × P3, 🔵 3 × P4; 12 open*"
    )
    assert "and 2 more: `monitoring-dagster incidents list`" in text


def test_a_storm_shows_the_worst_ten() -> None:
    lines = [line(number, monitor=f"m{number % 3}") for number in range(37)]
    message = digest.message(digest.of_storm(37, 10), lines, form=Form.FULL, key="k")
    text = shown(message)
    assert text.startswith("📋 37 incidents within 10 minutes")
    assert text.count("*P1*") == 10
    assert "*P2*" not in text
    assert "and 27 more: `monitoring-dagster incidents list`" in text
    assert text.endswith("3 monitors")


def test_what_is_still_open_comes_before_what_is_over_and_long_before_short() -> None:
    base = line(0)
    over = base._replace(ref="MD-OVER", status=Status.RESOLVED)
    long = base._replace(ref="MD-LONG", last_day=dt.date(2013, 12, 31))
    text = shown(digest.message("t", [over, base, long], form=Form.FULL, key="k"))
    assert text.index("MD-LONG") < text.index("MD-000000") < text.index("MD-OVER")


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("count", [0, 1, 3, 10, 11, 10_000])
def test_a_digest_of_any_size_is_taken_by_slack(count: int, form: Form) -> None:
    lines = [line(i % 300, title=EVIL * 30, monitor=EVIL * 9, ref=EVIL) for i in range(count)]
    for title in (EVIL * 20, digest.of_days("Late labels", lines), digest.of_storm(count, 10)):
        message = digest.message(title, lines, form=form, key="k", ref=EVIL, is_doubtful=True)
        assert_slack_takes(message, "k")
        assert_nothing_is_alive_but(message, set())
        assert message.text.endswith("possible duplicate")


@pytest.mark.parametrize("form", list(Form))
def test_a_probe_says_that_nobody_has_to_act(form: Form) -> None:
    message = probe.message(form=form, key="k", ref="MD-PROBE")
    edited = probe.message(probe.EDITED, form=form, key="k", ref="MD-PROBE")
    assert_slack_takes(message, "k")
    assert "Nobody has to do anything" in message.text
    assert "MD-PROBE" in message.text
    assert edited.text != message.text
