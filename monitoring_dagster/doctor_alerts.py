"""The doctor of alerts: do incidents reach people, by which way, and what if that one fails?

`examinations` post nothing; `rehearse` sends a test message through Slack and takes it away again.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from monitoring_dagster.doctor import Finding, found
from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications import configuration as names
from monitoring_dagster.notifications.advice import NEEDED, REINSTALL, what_to_do
from monitoring_dagster.notifications.channel import Channel, Outcome
from monitoring_dagster.notifications.configuration import Channels, channels_from_environment
from monitoring_dagster.notifications.rehearsal import Rehearsal
from monitoring_dagster.notifications.slack import Checked, SlackChannel
from monitoring_dagster.settings import Settings

Clock = Callable[[], dt.datetime]

MOST_SKEW = dt.timedelta(seconds=30)
"""What clocks may differ: far less than the five minutes by which a message is looked for early."""

OVERDUE = dt.timedelta(minutes=15)

_TOKENS = {"slack": names.SLACK_TOKEN, "slack_second": names.SLACK_SECOND_TOKEN}


def examinations(
    settings: Settings, env: Mapping[str, str], clock: Clock
) -> Iterator[tuple[str, Callable[[], str]]]:
    """What there is to examine, each under its name."""

    @cache
    def channels() -> Channels:
        return channels_from_environment(env, settings.home, clock)

    yield "slack", lambda: _slack(channels())
    try:
        every = channels().every
    except SettingInvalid:
        return  # the first examination says it
    for channel in every:
        if not isinstance(channel, SlackChannel):
            continue
        yield f"{channel.name} clock", lambda of=channel: _clock(of, clock())
        for place in _places(channel, channels(), settings.monitors):
            yield f"{channel.name} {place}", lambda of=channel, at=place: _reachable(of, at)
    yield "fallbacks", lambda: _fallbacks(channels())
    yield "outbox", lambda: _outbox(settings, channels().primary, clock())


def rehearse(
    settings: Settings, env: Mapping[str, str], clock: Clock, pause: Callable[[float], None]
) -> Iterator[Finding]:
    """Post a test message in the default channel, find, edit and delete it; step by step."""
    key = uuid.uuid4().hex
    slack: list[SlackChannel] = []
    places: list[str] = []

    def begin() -> str:
        channels = channels_from_environment(env, settings.home, clock)
        if not isinstance(channels.primary, SlackChannel):
            raise SettingInvalid(
                f"there is no Slack to try: set {names.SLACK_TOKEN} (docs/slack.md says how)"
            )
        slack.append(channels.primary)
        places.append(channels.default_destination)
        return f"a test message goes to {channels.default_destination}"

    yield found("live", begin)
    for channel, place in zip(slack, places, strict=True):
        rehearsal = Rehearsal(
            slack=channel,
            destination=place,
            key=f"doctor:{key}",
            ref=f"TEST-{key[:6].upper()}",
            bot=channel.check().name,
            clock=clock,
            pause=pause,
        )
        for step in rehearsal.steps():
            yield Finding(f"live: {step.what}", step.is_well, step.text)


def _slack(channels: Channels) -> str:
    """Whether the token of each Slack is good, and may do what is needed."""
    slacks = [channel for channel in channels.every if isinstance(channel, SlackChannel)]
    if not slacks:
        return (
            f"not connected: messages are written to {channels.primary!r}; docs/slack.md says "
            "how a workspace is connected"
        )
    said, problems = [], []
    for slack in slacks:
        checked = slack.check()
        if checked.answer.outcome is not Outcome.SENT:
            error = checked.answer.error
            problems.append(f"{_TOKENS[slack.name]}: {error}: {what_to_do(error)}")
        elif missing := _missing(checked):
            problems.append(_of_missing(missing))
        else:
            scopes = "with every scope" if checked.scopes else "Slack does not say its scopes"
            said.append(f"team {checked.team} as @{checked.name}, {scopes}")
    if problems:
        raise SettingInvalid("\n      ".join([*problems, *said]))
    return "; ".join(said)


def _missing(checked: Checked) -> Sequence[str]:
    return [scope for scope in NEEDED if scope not in checked.scopes] if checked.scopes else []


def _of_missing(missing: Sequence[str]) -> str:
    lacking = ", ".join(f"{scope} ({NEEDED[scope]})" for scope in missing)
    return f"scopes are missing: {lacking}; {REINSTALL}"


def _clock(slack: SlackChannel, now: dt.datetime) -> str:
    server_at = slack.check().server_at
    if server_at is None:
        return "Slack does not say what time it is"
    skew = now - server_at
    if abs(skew) > MOST_SKEW:
        way = "ahead of" if skew > dt.timedelta() else "behind"
        raise SettingInvalid(
            f"this clock is {abs(skew).total_seconds():.0f} s {way} Slack's: set it by NTP; "
            "leases and deadlines go by it"
        )
    return f"differs from Slack's by {abs(skew).total_seconds():.0f} s"


def _places(slack: SlackChannel, channels: Channels, monitors: Path) -> list[str]:
    """Where messages of this Slack go: the default, and what monitors name; each once."""
    from monitoring_dagster import documents

    if slack is not channels.primary:
        return [slack.always_to or channels.default_destination]
    alerting = [monitor.alerting for monitor in documents.load(monitors).monitors.values()]
    named = [a.channel for a in alerting] + [s.channel for a in alerting for s in a.escalation]
    return list(dict.fromkeys([channels.default_destination, *filter(None, named)]))


def _reachable(slack: SlackChannel, place: str) -> str:
    """Whether the bot can write there, as far as that is known before it writes."""
    room = slack.room(place)
    if room.answer.outcome is not Outcome.SENT:
        error = room.answer.error
    elif room.is_archived:
        error = "is_archived"
    elif not room.is_member:
        error = "not_in_channel"
    else:
        return f"#{room.name} ({room.id}), the bot is in it"
    bot, scope = slack.check().name, "channels:read and groups:read"
    raise SettingInvalid(f"{error}: {what_to_do(error, place=place, scope=scope, bot=bot)}")


def _fallbacks(channels: Channels) -> str:
    """What is tried after ten minutes in which the first way does not take a message."""
    ways = [channel.name for channel in channels.fallbacks]
    if not ways:
        return "none is needed: the file is the first way and the last"
    if len(ways) == 1:
        return (
            f"{ways[0]} only, where nobody looks by himself: a second channel, a webhook or mail "
            f"tells people when Slack does not ({names.SLACK_SECOND_CHANNEL}, "
            f"{names.WEBHOOK_URL}, {names.SMTP_URL})"
        )
    return ", then ".join(ways)


def _outbox(settings: Settings, primary: Channel, now: dt.datetime) -> str:
    """Whether people were told what they are owed."""
    from monitoring_dagster.store import Store
    from monitoring_dagster.store.backlog import backlog

    if settings.is_untouched:
        return "nobody is owed anything yet"
    store = Store(settings.store_url)
    left = store.read(lambda connection: backlog(connection, primary.name, now, OVERDUE))
    problems = [f"{name or 'the default channel'}: {because}" for name, because in left.failing]
    if left.overdue and left.oldest is not None:
        problems.append(
            f"{left.overdue} messages are overdue, the oldest since {left.oldest:%Y-%m-%d %H:%M} "
            "UTC: look whether the daemon runs, and at the ticks of the sensor that delivers"
        )
    if left.quarantined:
        problems.append(f"{left.quarantined} messages were refused in every form")
    if problems:
        raise SettingInvalid("\n      ".join(problems))
    if left.oldest is not None:
        return f"{left.waiting} messages wait, the oldest since {left.oldest:%H:%M:%S} UTC"
    return "nobody is owed anything"
