"""Slack's answers: what each of them means for the message that was sent.

Pure. The names are Slack's own, from the reference of the methods that `slack` calls
(docs.slack.dev/reference/methods); what is done about an outcome is decided in `delivery`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from monitoring_dagster.egress import AnswerLost, NothingSent
from monitoring_dagster.notifications.channel import Answer, Outcome

LEAST_PAUSE_SECONDS = 1.0
MOST_PAUSE_SECONDS = 900.0
USUAL_PAUSE_SECONDS = 30.0
"""How long to wait where a pause is asked for and not said, or said in no way that is known."""

TOO_FAST = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
"""Not even looked at."""

LATER = frozenset({"team_added_to_org", "external_channel_migrating", "accesslimited"})
"""Refused for now, by a state of the workspace that passes without anybody's doing."""

CONFIGURATION = frozenset(
    {
        "access_denied",
        "account_inactive",
        "app_missing_action_url",
        "as_user_not_supported",
        "cannot_dm_bot",
        "channel_not_found",
        "channel_type_not_supported",
        "deprecated_endpoint",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "file_uploads_disabled",
        "file_uploads_except_images_disabled",
        "invalid_auth",
        "invalid_channel",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "method_deprecated",
        "method_not_supported_for_channel_type",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "posting_to_general_channel_denied",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
        "unknown_method",
        "user_not_in_channel",
    }
)
"""The token, its scopes, the channel or the workspace's rules: `restricted_action…` as well."""

CONTENT = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_post_type",
        "json_not_object",
        "markdown_text_conflict",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "missing_post_type",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "slack_connect_file_link_sharing_blocked",
        "too_many_attachments",
        "too_many_contact_cards",
    }
)
"""What was sent is refused; a simpler form may do. Likewise every name that is not known: an
answered `ok: false` posted nothing, and what is refused for ever must not hold up the rest."""

AMBIGUOUS = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "not_json"}
)
"""Slack says of the first two that "some aspect of the operation" may have succeeded."""

GONE = frozenset(
    {
        "cannot_reply_to_message",
        "cant_update_message",
        "message_not_found",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""The message is deleted, another's, or closed to replies: a new one has to take its place."""

CLOSED = frozenset({"edit_window_closed"})

_NAMED = {
    **dict.fromkeys(TOO_FAST | LATER, Outcome.NOT_SENT),
    **dict.fromkeys(CONFIGURATION, Outcome.CONFIGURATION),
    **dict.fromkeys(CONTENT, Outcome.CONTENT),
    **dict.fromkeys(AMBIGUOUS, Outcome.AMBIGUOUS),
    **dict.fromkeys(GONE, Outcome.GONE),
    **dict.fromkeys(CLOSED, Outcome.CLOSED),
}
_CONFIGURATION_PREFIXES = ("restricted_action", "ekm_", "not_allowed_")

# A token has dashes and capitals: no name of an error can be one.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def classified(
    status: int, headers: Mapping[str, str], body: Mapping[str, Any] | None, *, now: dt.datetime
) -> Answer:
    """What an answer means.

    Args:
        status: of HTTP.
        headers: with names in lower case.
        body: the JSON object; None if the body is not one.
        now: the clock, for pauses that are said as a date; aware.

    >>> noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    >>> classified(200, {}, {"ok": False, "error": "not_in_channel"}, now=noon).outcome
    <Outcome.CONFIGURATION: 'configuration'>
    >>> classified(429, {"retry-after": "7"}, None, now=noon).retry_after_seconds
    7.0
    """
    if status == 429:
        return _paused("ratelimited", headers, now)
    if status >= 500:
        pause = retry_after(headers, now) if "retry-after" in headers else None
        return Answer(Outcome.AMBIGUOUS, error=f"http_{status}", retry_after_seconds=pause)
    if 300 <= status < 400:
        return Answer(Outcome.CONFIGURATION, error="redirected")
    if body is None or body.get("ok") not in (True, False):
        return _unreadable(status)
    if body["ok"]:
        outcome = Outcome.SENT if status == 200 else Outcome.AMBIGUOUS
        return Answer(outcome, error="" if status == 200 else f"http_{status}")
    return _refused(error_name(body), headers, now)


def failed(error: NothingSent | AnswerLost) -> Answer:
    """What it means that there was no answer.

    >>> failed(AnswerLost("timeout")).outcome
    <Outcome.AMBIGUOUS: 'ambiguous'>
    """
    outcome = Outcome.NOT_SENT if isinstance(error, NothingSent) else Outcome.AMBIGUOUS
    return Answer(outcome, error=error.reason)


def error_name(body: Mapping[str, Any]) -> str:
    """The error that an answer names; `unnamed` where that is no name, and so may be anything.

    >>> error_name({"error": "is_archived"}), error_name({"error": "xoxb-1-SECRET"})
    ('is_archived', 'unnamed')
    """
    name = body.get("error")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else "unnamed"


def retry_after(headers: Mapping[str, str], now: dt.datetime) -> float:
    """Seconds that are asked for, between 1 and 900; 30 if nothing readable is.

    Args:
        headers: with names in lower case.
        now: the clock; the header may hold an HTTP date (RFC 9110, 10.2.3).

    >>> noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    >>> retry_after({"retry-after": "Mon, 02 Mar 2026 12:00:20 GMT"}, noon)
    20.0
    >>> [retry_after({"retry-after": text}, noon) for text in ("0", "86400", "soon")]
    [1.0, 900.0, 30.0]
    """
    text = headers.get("retry-after", "").strip()
    seconds = _number(text)
    if seconds is None:
        seconds = _seconds_until(text, now)
    if seconds is None:
        return USUAL_PAUSE_SECONDS
    return min(max(seconds, LEAST_PAUSE_SECONDS), MOST_PAUSE_SECONDS)


def _refused(error: str, headers: Mapping[str, str], now: dt.datetime) -> Answer:
    if error in TOO_FAST | LATER:
        return _paused(error, headers, now)
    if error in _NAMED:
        return Answer(_NAMED[error], error=error)
    if error.startswith(_CONFIGURATION_PREFIXES):
        return Answer(Outcome.CONFIGURATION, error=error)
    return Answer(Outcome.CONTENT, error=error)


def _paused(error: str, headers: Mapping[str, str], now: dt.datetime) -> Answer:
    return Answer(Outcome.NOT_SENT, error=error, retry_after_seconds=retry_after(headers, now))


def _unreadable(status: int) -> Answer:
    """An answer that is not Slack's own: of a proxy, a portal, or a wrong base URL."""
    if status < 300:
        return Answer(Outcome.AMBIGUOUS, error="not_json")
    if status == 408:
        return Answer(Outcome.AMBIGUOUS, error="http_408")
    outcome = Outcome.CONTENT if status in (400, 413) else Outcome.CONFIGURATION
    return Answer(outcome, error=f"http_{status}")


def _number(text: str) -> float | None:
    found = re.fullmatch(r"([+-]?)([0-9]+)(?:\.[0-9]*)?", text, re.ASCII)
    if found is None:
        return None
    return -1.0 if found[1] == "-" else float(found[2][:12])


def _seconds_until(text: str, now: dt.datetime) -> float | None:
    try:
        until = parsedate_to_datetime(text)
        aware = until if until.tzinfo else until.replace(tzinfo=dt.UTC)
        return (aware - now).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
