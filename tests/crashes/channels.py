"""Deliveries by the channels beside Slack, and a rehearsal, in processes that may be killed."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
from pathlib import Path

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.incidents.desk import EMBEDDED
from monitoring_dagster.notifications.channel import Channel
from monitoring_dagster.notifications.configuration import Channels
from monitoring_dagster.notifications.file import FileChannel
from monitoring_dagster.notifications.mail import MailChannel, MailServer
from monitoring_dagster.notifications.rehearsal import Rehearsal, Step
from monitoring_dagster.notifications.slack import SlackChannel
from monitoring_dagster.notifications.webhook import WebhookChannel
from monitoring_dagster.store import Store
from monitoring_dagster.upkeep import Upkeep
from tests.crashes.days import PLACE, START, monitors

FILE, WEBHOOK, MAIL = "file.appended", "webhook.posted", "mail.sent"
"""The channels, by where they can be killed."""


def deliver(url: str, at: str, target: str, now: dt.datetime, *, dies: bool) -> int:
    """Deliver at an instant by the channel that dies `at` this failpoint; says how much is left.

    `target` is where to.
    """
    logging.disable()
    os.environ[VARIABLE] = f"{at}=kill" if dies else ""
    with contextlib.closing(Store(url)) as store:
        channels = Channels(_channel(at, target, now), (), f"#{PLACE}")
        upkeep = Upkeep(
            store,
            monitors(),
            channels,
            EMBEDDED,
            clock=lambda: now,
            wall_clock=lambda: now,
            pause=lambda _: None,
        )
        return upkeep.deliver().waiting


def rehearse(url: str, token: str, key: str, *, dies: bool) -> list[Step]:
    """Try Slack with a test message, as `doctor --live`; may die once it is deleted."""
    os.environ[VARIABLE] = "slack.deleted=kill" if dies else ""
    slack = SlackChannel(token, clock=lambda: START, base_url=url, allow_insecure=True)
    place = f"#{PLACE}"
    return list(Rehearsal(slack, place, key, "MD-0", "bot", lambda: START, lambda _: None).steps())


def _channel(at: str, target: str, now: dt.datetime) -> Channel:
    if at == FILE:
        return FileChannel(Path(target), clock=lambda: now)
    if at == WEBHOOK:
        return WebhookChannel(target, "secret", clock=lambda: now, allow_insecure=True)
    host, port = target.split(":")
    server = MailServer(host, int(port), is_encrypted=False, user="", password="")
    return MailChannel(server, sender="a@b.c", recipients=["d@e.f"], clock=lambda: now)
