"""Notices as a person reads them at a terminal: what was not told yet, and why."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from monitoring_dagster.store.notices import Place, Told

HEADER = ("key", "status", "to", "due", "attempts", "why")


def rows(notices: Iterable[Told]) -> list[list[str]]:
    """A row of texts per notice, for the columns of `HEADER`."""
    return [
        [n.key, n.status, _place(n.destination), _at(n.due_at), str(n.attempts), n.last_error]
        for n in notices
    ]


def places(closed: Iterable[Place]) -> Iterator[str]:
    """The places that take nothing, a line each."""
    for place in closed:
        because = f": {place.because}" if place.because else ""
        name = _place(place.name)
        yield f"{name} takes nothing by {place.channel} since {_at(place.since)}{because}"


def count(notices: Sequence[Told]) -> str:
    """How many there are of each kind of trouble.

    >>> count([])
    'everything was told'
    """
    found = Counter(notice.status for notice in notices)
    told = ", ".join(f"{number} {status}" for status, number in sorted(found.items()))
    return told or "everything was told"


def _place(name: str) -> str:
    return name or "the deployment's channel"


def _at(instant: dt.datetime) -> str:
    return f"{instant.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
