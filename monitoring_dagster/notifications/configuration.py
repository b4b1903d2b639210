"""Configuration: which channels the environment gives, in the order in which they are tried.

Secrets come from variables or from files that variables name. They are shown by nothing, and no
error holds the value of one.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from monitoring_dagster import egress
from monitoring_dagster.errors import SettingInvalid
from monitoring_dagster.notifications.channel import Channel
from monitoring_dagster.notifications.file import MESSAGES, FileChannel
from monitoring_dagster.notifications.mail import MailChannel, MailServer
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.notifications.slack_client import BASE_URL
from monitoring_dagster.notifications.variables import (
    DEFAULT_DESTINATION,
    HEARTBEAT_URL,
    SLACK_ALLOW_INSECURE,
    SLACK_APPROVERS,
    SLACK_BASE_URL,
    SLACK_CHANNEL,
    SLACK_SECOND_CHANNEL,
    SLACK_SECOND_TOKEN,
    SLACK_TOKEN,
    SMTP_FROM,
    SMTP_PASSWORD,
    SMTP_TO,
    SMTP_URL,
    WEBHOOK_ALLOW_INSECURE,
    WEBHOOK_SECRET,
    WEBHOOK_URL,
)
from monitoring_dagster.notifications.webhook import WebhookChannel

Clock = Callable[[], dt.datetime]


@dataclass(frozen=True, slots=True)
class Channels:
    """Who is told by what.

    Args:
        primary: what is tried first.
        fallbacks: what is tried when that fails, in this order; a file is always the last.
        default_destination: where what has no destination of its own goes.
        approvers: ids of the users whose reactions count; everybody's if empty.
        heartbeat_url: what is called while all is well; empty for nothing.
        is_heartbeat_insecure: whether it may be on this very machine.
    """

    primary: Channel
    fallbacks: tuple[Channel, ...]
    default_destination: str
    approvers: frozenset[str] = frozenset()
    heartbeat_url: str = field(default="", repr=False)
    is_heartbeat_insecure: bool = False

    @property
    def every(self) -> tuple[Channel, ...]:
        """All of them in order."""
        return (self.primary, *self.fallbacks)

    def named(self, name: str) -> Channel | None:
        """The channel of that name, by which something was sent."""
        return next((channel for channel in self.every if channel.name == name), None)

    def heartbeat(self) -> str:
        """Say that all is well: `ok`, `off`, or what went wrong; never raises."""
        if not self.heartbeat_url:
            return "off"
        return egress.heartbeat(self.heartbeat_url, allow_insecure=self.is_heartbeat_insecure)


def channels_from_environment(env: Mapping[str, str], home: Path, clock: Clock) -> Channels:
    """The channels of a process: Slack, a second Slack, webhook, mail, and a file at last.

    Args:
        env: the environment.
        home: below which the file lies.
        clock: the clock; aware.

    >>> channels_from_environment({}, Path("/srv/watch"), lambda: None).primary
    FileChannel('/srv/watch/notifications/messages.jsonl')

    Raises:
        SettingInvalid: a variable holds what cannot be used; no text holds a secret.
    """
    made = [
        _slack(env, clock),
        _second_slack(env, clock),
        _webhook(env, clock),
        _mail(env, clock),
        FileChannel(home / MESSAGES, clock=clock),
    ]
    primary, *fallbacks = [channel for channel in made if channel is not None]
    heartbeat_url, is_insecure = env.get(HEARTBEAT_URL, ""), _flag(env, WEBHOOK_ALLOW_INSECURE)
    if heartbeat_url:
        egress.checked_url(heartbeat_url, named=HEARTBEAT_URL, allow_insecure=is_insecure)
    return Channels(
        primary=primary,
        fallbacks=tuple(fallbacks),
        default_destination=_default_destination(env),
        approvers=_approvers(env),
        heartbeat_url=heartbeat_url,
        is_heartbeat_insecure=is_insecure,
    )


def _default_destination(env: Mapping[str, str]) -> str:
    return env.get(SLACK_CHANNEL) or DEFAULT_DESTINATION


def _slack(env: Mapping[str, str], clock: Clock) -> Channel | None:
    token = _secret(env, SLACK_TOKEN)
    return _slack_channel(env, clock, token, "slack", None) if token else None


def _second_slack(env: Mapping[str, str], clock: Clock) -> Channel | None:
    second, channel = _secret(env, SLACK_SECOND_TOKEN), env.get(SLACK_SECOND_CHANNEL)
    token = second or _secret(env, SLACK_TOKEN)
    if second and not channel:
        raise SettingInvalid(
            f"{SLACK_SECOND_TOKEN} is set and {SLACK_SECOND_CHANNEL} is not; name the channel "
            "of that workspace that takes what the first Slack does not"
        )
    if channel and not token:
        raise SettingInvalid(
            f"{SLACK_SECOND_CHANNEL} is set, and there is no token; set {SLACK_TOKEN}"
        )
    return _slack_channel(env, clock, token, "slack_second", channel) if channel else None


def _slack_channel(
    env: Mapping[str, str], clock: Clock, token: str, name: str, always_to: str | None
) -> Channel:
    base_url = env.get(SLACK_BASE_URL) or BASE_URL
    return SlackChannel(
        token,
        clock=clock,
        base_url=base_url,
        allow_insecure=_flag(env, SLACK_ALLOW_INSECURE),
        proxy=_proxy(env, base_url),
        name=name,
        default_to=_default_destination(env),
        always_to=always_to,
    )


def _webhook(env: Mapping[str, str], clock: Clock) -> Channel | None:
    url, secret = env.get(WEBHOOK_URL), _secret(env, WEBHOOK_SECRET)
    if not url:
        return None
    return WebhookChannel(
        url, secret, clock=clock, allow_insecure=_flag(env, WEBHOOK_ALLOW_INSECURE)
    )


def _mail(env: Mapping[str, str], clock: Clock) -> Channel | None:
    url = env.get(SMTP_URL)
    if not url:
        return None
    return MailChannel(
        MailServer.parse(url, password=_secret(env, SMTP_PASSWORD), named=SMTP_URL),
        sender=env.get(SMTP_FROM, ""),
        recipients=_listed(env.get(SMTP_TO)),
        clock=clock,
    )


def _secret(env: Mapping[str, str], variable: str) -> str:
    """The value of a variable, or of the file that `variable`_FILE names; empty if neither is."""
    path = env.get(f"{variable}_FILE")
    if env.get(variable):
        secret = env[variable]
    elif path:
        try:
            secret = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise SettingInvalid(
                f"{variable}_FILE names {path}, which cannot be read ({reason}); "
                "name a file that holds the secret and nothing else"
            ) from None
    else:
        return ""
    secret = secret.strip()
    if not secret or not secret.isprintable():
        raise SettingInvalid(
            f"{variable} is empty or holds line ends or unusual characters (its value is not "
            "shown); give the secret alone"
        )
    return secret


def _approvers(env: Mapping[str, str]) -> frozenset[str]:
    listed = _listed(env.get(SLACK_APPROVERS))
    for user in listed:
        if not re.fullmatch(r"[UW][A-Z0-9]{2,}", user):
            raise SettingInvalid(
                f"{SLACK_APPROVERS} holds {user!r}, which is no id of a Slack user; give ids "
                "such as U0G9QF9C6, to be copied from a profile"
            )
    return frozenset(listed)


def _flag(env: Mapping[str, str], variable: str) -> bool:
    text = env.get(variable, "")
    if text.lower() not in ("", "0", "1", "true", "false"):
        raise SettingInvalid(f"{variable} is {text!r}; required is 1, or nothing")
    return text.lower() in ("1", "true")


def _proxy(env: Mapping[str, str], url: str) -> str | None:
    """The proxy that the environment names for https, unless the host is to be reached directly."""
    proxy = env.get("https_proxy") or env.get("HTTPS_PROXY")
    directly = _listed(env.get("no_proxy") or env.get("NO_PROXY"))
    host = f".{urlsplit(url).hostname or ''}"
    is_direct = any(one == "*" or host.endswith(f".{one.lstrip('.')}") for one in directly)
    return None if not proxy or is_direct else proxy


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
