"""Pacing: for how long what is claimed is ours, and when what failed is tried again.

The figures of delivery with their reasons. What they are used for is `delivery`.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

HTTP_TIMEOUT = dt.timedelta(seconds=20)
"""Ten seconds for the connection and ten for the answer."""

LANDING_DELAY = dt.timedelta(seconds=60)
"""How long after a call was given up its message may still appear."""

CLOCK_SKEW = dt.timedelta(seconds=10)
"""How far the clocks of two processes are apart."""

LEASE = dt.timedelta(seconds=120)
"""For how long nobody else touches a notice. Whoever takes it over looks for its message, and has
to find it if it was sent: so a lease is longer than the call, the landing and the skew together.
What is left of it is `MAY_POST_FOR`.
"""

MAY_POST_FOR = LEASE - HTTP_TIMEOUT - LANDING_DELAY - CLOCK_SKEW
"""How long after its lease began a notice may be posted; a process that slept longer must not."""

FIRST_PAUSE_SECONDS = 5.0
SHORTEST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 900.0

MOST_GENERATIONS = 5
"""Roots of one incident that may be deleted; after that people seem to mean it."""

MOST_PICTURE_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Rules:
    """The figures of delivery.

    Args:
        lease: for how long nobody else touches what is claimed.
        may_post_for: how long after its lease began something may be posted.
        interval: between two messages in one place; Slack allows one per second.
        probe_every: how often a blocked destination is tried.
        patience: after how long a notice goes through a fallback.
        look_for: for how long a message is looked for before it is sent again regardless.
        coalesce: between two edits of one message.
        storm_roots: roots that one place takes within `storm_window`.
        budget: how long one call of `deliver` goes on.
    """

    lease: dt.timedelta = LEASE
    may_post_for: dt.timedelta = MAY_POST_FOR
    interval: dt.timedelta = dt.timedelta(seconds=1)
    probe_every: dt.timedelta = dt.timedelta(minutes=10)
    patience: dt.timedelta = dt.timedelta(minutes=10)
    look_for: dt.timedelta = dt.timedelta(minutes=15)
    coalesce: dt.timedelta = dt.timedelta(seconds=45)
    storm_roots: int = 10
    storm_window: dt.timedelta = dt.timedelta(minutes=10)
    budget: dt.timedelta = dt.timedelta(seconds=20)


STANDARD = Rules()


def pause_after(failures: int, asked_seconds: float | None, rng: random.Random) -> dt.timedelta:
    """How long to leave a destination alone: as it asked, else twice as long every time.

    Args:
        failures: in a row, this one included.
        asked_seconds: what the destination asked for; brought within 1 and 900 seconds.
        rng: for a jitter of ±20 %, so that not everybody comes back at once.

    >>> pause_after(1, 3600, random.Random(1)).total_seconds()
    900.0
    """
    if asked_seconds is not None:
        seconds = min(LONGEST_PAUSE_SECONDS, max(SHORTEST_PAUSE_SECONDS, asked_seconds))
        return dt.timedelta(seconds=seconds)
    doublings = min(failures - 1, 20)
    seconds = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**doublings)
    return dt.timedelta(seconds=seconds * rng.uniform(0.8, 1.2))
