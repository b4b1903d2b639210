"""One way: what a channel that can be told, and not asked, answers to everything else.

What `webhook` and `mail` have in common; sending is theirs.
"""

from __future__ import annotations

import datetime as dt

from monitoring_dagster.notifications.channel import Answer, Look, Outcome, Sighting
from monitoring_dagster.notifications.message import Message, Picture


class OneWay:
    """Nothing that was sent is found again, edited or given a picture."""

    can_look = False

    def find(
        self,
        destination: str,  # noqa: ARG002 - the contract of every channel
        key: str,  # noqa: ARG002
        *,
        since: dt.datetime,  # noqa: ARG002
        thread: str | None = None,  # noqa: ARG002
    ) -> Sighting:
        """Whether it is there cannot be said."""
        return Sighting(Look.FAILED, error="cannot_look")

    def edit(
        self,
        destination: str,  # noqa: ARG002
        ts: str,  # noqa: ARG002
        message: Message,  # noqa: ARG002
        *,
        key: str,  # noqa: ARG002
    ) -> Answer:
        """What was sent stays as it is."""
        return Answer(Outcome.CLOSED, error="cannot_edit")

    def attach(
        self,
        destination: str,  # noqa: ARG002
        picture: Picture,  # noqa: ARG002
        *,
        key: str,  # noqa: ARG002
        thread: str,  # noqa: ARG002
    ) -> Answer:
        """Pictures are not sent."""
        return Answer(Outcome.CONTENT, error="cannot_attach")
