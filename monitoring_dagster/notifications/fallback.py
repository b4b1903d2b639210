"""Fallback: which channel is asked for what, and what is said where the first one fails.

What is overdue enough for a fallback is decided in `store.claims`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from monitoring_dagster.notifications.delivered import Happened
from monitoring_dagster.store.claims import Claimed, Terms, Turn

log = logging.getLogger(__name__)


def turns(terms: Terms) -> Iterator[tuple[str, Turn]]:
    """Who is asked, in order: what does not get through by itself goes another way first.

    Otherwise the channel of choice comes first, so that it is found to be mended.
    """
    fallbacks = terms.channels[1:]
    yield from ((name, Turn.DESPERATE) for name in fallbacks)
    yield terms.primary, Turn.OWN
    yield from ((name, Turn.OVERDUE) for name in fallbacks)


def way(claimed: Claimed, primary: str) -> Happened | None:
    """How people were told by a channel that is not the first; None of the first."""
    if claimed.channel == primary:
        return None
    host = claimed.host
    is_where_its_root_is = host is not None and host.notice.sent_by == claimed.channel
    return Happened.FOLLOWED if is_where_its_root_is else Happened.RELAYED


def say(primary: str, destination: str) -> None:
    """Call somebody who can mend the channel; said once per outage."""
    log.critical(
        "%s does not deliver to %s: people are told by a fallback until it is mended",
        primary,
        destination,
    )
