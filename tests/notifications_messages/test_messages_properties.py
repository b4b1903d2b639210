from __future__ import annotations

import datetime as dt

from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring_dagster.decisions.verdict import Cost, Level
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import (
    Context,
    Incident,
    Link,
    NextStep,
    Priority,
    Signal,
    SignalState,
    Status,
)
from monitoring_dagster.notifications import blocks, digest, replies, root
from monitoring_dagster.notifications.digest import DigestLine
from monitoring_dagster.notifications.message import Form, NoticeKind
from tests.notifications_messages.reading import (
    assert_nothing_is_alive_but,
    assert_slack_takes,
    shown,
)

SNIPPETS = (
    "<!channel>",
    "<@U1ABC>",
    "<!subteam^S1>",
    "<http://evil|report>",
    "&lt;!here&gt;",
    "*bold*",
    "_it_",
    "~s~",
    "`",
    "```",
    ":tada:",
    "> q",
    "\n",
    "\u202e",
    "\x00",
    "\ud800",
    "@here",
    "#general",
    "https://evil.example",
    "temp",
    "roc_auc",
    " ",
    "🎉",
    "👩‍👩‍👧",
    "漢字",
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(SNIPPETS), max_size=12).map("".join),
    st.lists(st.sampled_from(SNIPPETS), max_size=12).map(" ".join),
    st.sampled_from(["x" * 10_000, "&" * 10_000, "🎉" * 5_000, "a_b " * 2_500, "`c` * " * 1_700]),
)
LISTS = st.lists(TEXTS, max_size=8).map(tuple)
DATES = st.dates()
INSTANTS = st.datetimes(timezones=st.just(dt.UTC))
NUMBERS = st.floats()
COSTS = st.builds(Cost, NUMBERS, NUMBERS, NUMBERS, TEXTS, TEXTS)
LINKS = st.builds(
    Link, TEXTS, st.one_of(TEXTS, TEXTS.map(lambda path: f"https://ok.example/{path}"))
)
CONTEXTS = st.builds(
    Context,
    what=TEXTS,
    how_sure=TEXTS,
    how_large=TEXTS,
    cost=st.none() | COSTS,
    columns=LISTS,
    segments=LISTS,
    checks=LISTS,
    versions=LISTS,
    next_step=st.sampled_from(NextStep),
    next_step_because=TEXTS,
    links=st.lists(LINKS, max_size=5).map(tuple),
    details=st.lists(st.tuples(TEXTS, TEXTS), max_size=7).map(tuple),
)
SIGNALS = st.builds(
    Signal,
    TEXTS,
    st.sampled_from(SignalState),
    st.sampled_from(Level),
    TEXTS,
    TEXTS,
    DATES,
    DATES,
)
INCIDENTS = st.builds(
    Incident,
    ref=TEXTS,
    monitor=TEXTS,
    cause=st.just(Cause(CauseKind.INPUTS)),
    status=st.sampled_from(Status),
    priority=st.sampled_from(Priority),
    title=TEXTS,
    since=DATES,
    last_day=DATES,
    opened_at=INSTANTS,
    updated_at=INSTANTS,
    reopened=st.integers(0, 100),
    acknowledged_at=st.none() | INSTANTS,
    acknowledged_by=st.none() | TEXTS,
    snoozed_until=st.none() | INSTANTS,
    resolved_at=st.none() | INSTANTS,
    resolved_because=st.none() | TEXTS,
    is_flapping=st.booleans(),
    is_late=st.booleans(),
    signals=st.lists(SIGNALS, max_size=3).map(tuple),
    context=CONTEXTS,
    retraining=TEXTS,
)
LINES = st.builds(
    DigestLine,
    TEXTS,
    st.sampled_from(Priority),
    TEXTS,
    TEXTS,
    DATES,
    DATES,
    st.sampled_from(Status),
)


def ours(incident: Incident) -> set[str]:
    links = [blocks.link(to) for to in incident.context.links]
    return {link[1:-1] for link in links if link.startswith("<")}


@settings(max_examples=70)
@given(INCIDENTS, st.booleans())
def test_every_form_of_any_incident_keeps_to_its_limits_and_calls_nobody(
    incident: Incident, is_doubtful: bool
) -> None:
    sizes = []
    for form in Form:
        message = root.message(incident, form=form, key="k", is_doubtful=is_doubtful)
        assert_slack_takes(message, "k")
        assert_nothing_is_alive_but(message, ours(incident))
        sizes.append(len(shown(message)))
    assert sizes == sorted(sizes, reverse=True)


@settings(max_examples=70)
@given(
    st.sampled_from(NoticeKind),
    st.fixed_dictionaries(
        {
            "headline": TEXTS,
            "lines": st.lists(TEXTS, max_size=12),
            "mention": st.none() | TEXTS,
            "ref": TEXTS,
            "monitor": TEXTS,
        }
    ),
    st.sampled_from(Form),
)
def test_any_reply_keeps_to_its_limits_and_calls_only_whom_it_may(
    kind: NoticeKind, payload: dict[str, object], form: Form
) -> None:
    message = replies.message(kind, payload, form=form, key="k")
    assert_slack_takes(message, "k")
    may_call = payload["mention"] == "<@U1ABC>"
    assert_nothing_is_alive_but(message, {"@U1ABC"} if may_call else set())


@settings(max_examples=60)
@given(TEXTS, st.lists(LINES, max_size=14), st.sampled_from(Form))
def test_any_digest_keeps_to_its_limits_and_calls_nobody(
    title: str, lines: list[DigestLine], form: Form
) -> None:
    message = digest.message(title, lines, form=form, key="k")
    assert_slack_takes(message, "k")
    assert_nothing_is_alive_but(message, set())
