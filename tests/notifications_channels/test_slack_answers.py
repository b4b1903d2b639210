"""Every answer of Slack means one thing for the message."""

from __future__ import annotations

import pytest

from monitoring_dagster.egress import AddressRefused, AnswerLost, NothingSent
from monitoring_dagster.notifications import answers
from monitoring_dagster.notifications.channel import Outcome
from tests.notifications_channels.conftest import NOON, SECRET

CASES = {
    "success": (200, {"ok": True}, Outcome.SENT),
    "a success with another status is none": (202, {"ok": True}, Outcome.AMBIGUOUS),
    "too many requests": (429, None, Outcome.NOT_SENT),
    "too many requests, said in the body": (200, "ratelimited", Outcome.NOT_SENT),
    "too many requests, in the older spelling": (200, "rate_limited", Outcome.NOT_SENT),
    "a workspace that is being moved": (200, "team_added_to_org", Outcome.NOT_SENT),
    "a token that is not known": (200, "invalid_auth", Outcome.CONFIGURATION),
    "a token that was revoked": (200, "token_revoked", Outcome.CONFIGURATION),
    "a scope that is missing": (200, "missing_scope", Outcome.CONFIGURATION),
    "a bot that was not invited": (200, "not_in_channel", Outcome.CONFIGURATION),
    "a channel that is not there": (200, "channel_not_found", Outcome.CONFIGURATION),
    "a channel that is archived": (200, "is_archived", Outcome.CONFIGURATION),
    "a rule of the workspace": (
        200,
        "restricted_action_read_only_channel",
        Outcome.CONFIGURATION,
    ),
    "a redirect": (302, None, Outcome.CONFIGURATION),
    "a wrong address": (404, None, Outcome.CONFIGURATION),
    "a refused token with a status": (
        401,
        {"ok": False, "error": "invalid_auth"},
        Outcome.CONFIGURATION,
    ),
    "blocks that are refused": (200, "invalid_blocks", Outcome.CONTENT),
    "blocks that are too long": (200, "msg_blocks_too_long", Outcome.CONTENT),
    "metadata that is refused": (200, "metadata_must_be_sent_from_app", Outcome.CONTENT),
    "an error that nobody knows": (200, "moon_in_wrong_phase", Outcome.CONTENT),
    "a request that is too large": (413, None, Outcome.CONTENT),
    "fatal_error": (200, "fatal_error", Outcome.AMBIGUOUS),
    "internal_error": (200, "internal_error", Outcome.AMBIGUOUS),
    "service_unavailable": (200, "service_unavailable", Outcome.AMBIGUOUS),
    "a page of HTML": (200, None, Outcome.AMBIGUOUS),
    "an object that is not Slack's": (200, {"status": "fine"}, Outcome.AMBIGUOUS),
    "a server error": (500, None, Outcome.AMBIGUOUS),
    "a server error that claims success": (502, {"ok": True}, Outcome.AMBIGUOUS),
    "a server error that claims a refusal": (503, "invalid_auth", Outcome.AMBIGUOUS),
    "a message that was deleted": (200, "message_not_found", Outcome.GONE),
    "another's message": (200, "cant_update_message", Outcome.GONE),
    "a thread whose root is gone": (200, "thread_not_found", Outcome.GONE),
    "a locked thread": (200, "restricted_action_thread_locked", Outcome.GONE),
    "a message that is too old to be edited": (200, "edit_window_closed", Outcome.CLOSED),
}


@pytest.mark.parametrize(("status", "body", "outcome"), CASES.values(), ids=CASES.keys())
def test_an_answer_means(status: int, body: object, outcome: Outcome) -> None:
    given = {"ok": False, "error": body} if isinstance(body, str) else body
    answer = answers.classified(status, {}, given, now=NOON)  # type: ignore[arg-type]
    assert answer.outcome is outcome


def test_no_error_is_in_two_lists() -> None:
    lists = (
        answers.TOO_FAST,
        answers.LATER,
        answers.CONFIGURATION,
        answers.CONTENT,
        answers.AMBIGUOUS,
        answers.GONE,
        answers.CLOSED,
    )
    assert len(frozenset().union(*lists)) == sum(map(len, lists))


@pytest.mark.parametrize(
    "name", [SECRET, "<html>", "", None, 5, ["a"], "a" * 65, "invalid_auth\n"], ids=repr
)
def test_what_is_no_name_of_an_error_is_not_repeated(name: object) -> None:
    answer = answers.classified(200, {}, {"ok": False, "error": name}, now=NOON)
    assert (answer.outcome, answer.error) == (Outcome.CONTENT, "unnamed")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("7.5", 7),
        ("0", 1),
        ("-3", 1),
        ("3600", 900),
        ("9" * 500, 900),
        ("Mon, 02 Mar 2026 12:00:20 GMT", 20),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 1),
        ("Mon, 02 Mar 2026 23:00:00 -0000", 900),
        ("Mon, 99 Mar 99999 12:00:00 GMT", 30),
        ("soon", 30),
        ("nan", 30),
        ("٣", 30),
        ("", 30),
        (None, 30),
    ],
)
def test_the_pause_lies_between_a_second_and_a_quarter_of_an_hour(
    header: str | None, seconds: float
) -> None:
    headers = {} if header is None else {"retry-after": header}
    answer = answers.classified(429, headers, None, now=NOON)
    assert answer.retry_after_seconds == seconds


def test_a_server_error_asks_for_a_pause_only_if_it_says_so() -> None:
    silent = answers.classified(503, {}, None, now=NOON)
    asking = answers.classified(503, {"retry-after": "60"}, None, now=NOON)
    assert (silent.retry_after_seconds, asking.retry_after_seconds) == (None, 60)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (NothingSent("unreachable"), Outcome.NOT_SENT),
        (AddressRefused("address_refused"), Outcome.NOT_SENT),
        (AnswerLost("timeout"), Outcome.AMBIGUOUS),
    ],
    ids=["no connection", "a forbidden address", "no answer"],
)
def test_a_broken_connection_means(error: NothingSent | AnswerLost, outcome: Outcome) -> None:
    assert answers.failed(error).outcome is outcome
