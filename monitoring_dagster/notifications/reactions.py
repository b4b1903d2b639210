"""Reactions: what people ask for by reacting to a root message.

Pure. The reactions are a state and no events: reading them twice is reading them once. What a wish
does to an incident is decided in `incidents`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

SNOOZE = dt.timedelta(hours=24)

SLACKBOT = "USLACKBOT"


class WishKind(StrEnum):
    """What can be asked for."""

    ACKNOWLEDGE = "acknowledge"
    SNOOZE = "snooze"
    RESOLVE = "resolve"
    APPROVE = "approve"


KINDS = {
    "eyes": WishKind.ACKNOWLEDGE,
    "no_bell": WishKind.SNOOZE,
    "white_check_mark": WishKind.RESOLVE,
    "+1": WishKind.APPROVE,
}
"""Slack's names of 👀, 🔕, ✅ and 👍."""

NAMED_ONLY = frozenset({WishKind.APPROVE})
"""What only those may ask for who are named: nobody, where nobody is."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji and the ids of those who reacted with it, the first of them first."""

    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for; when they did, Slack does not say."""

    kind: WishKind
    user: str


def parsed(message: Mapping[str, Any]) -> tuple[Reaction, ...]:
    """The reactions to a message as Slack gives it; what is not one is left out.

    >>> parsed({"reactions": [{"name": "eyes", "users": ["U1"], "count": 1}, "?"]})
    (Reaction(name='eyes', users=('U1',)),)
    """
    listed = message.get("reactions")
    found = [_parsed(item) for item in listed] if isinstance(listed, list) else []
    return tuple(reaction for reaction in found if reaction is not None)


def wishes(
    reactions: Iterable[Reaction], *, bots: Collection[str], approvers: Collection[str] = ()
) -> tuple[Wish, ...]:
    """One wish of each kind that is asked for, that of the first who may, in the order of KINDS.

    Of an approval those of all who may: two may be needed.

    Args:
        reactions: those to one message.
        bots: ids of users that are no people, our own among them.
        approvers: ids of those who may ask; everybody if empty, but for an approval.

    >>> seen = [Reaction("eyes", ("UBOT", "U1", "U2")), Reaction("tada", ("U1",))]
    >>> wishes(seen, bots=["UBOT"])
    (Wish(kind=<WishKind.ACKNOWLEDGE: 'acknowledge'>, user='U1'),)
    >>> wishes(seen, bots=["UBOT"], approvers=["U3"])
    ()
    """
    asking: dict[WishKind, list[str]] = {}
    for reaction in reactions:
        kind = KINDS.get(reaction.name)
        people = [u for u in reaction.users if u not in bots and u != SLACKBOT]
        is_open = not approvers and kind not in NAMED_ONLY
        allowed = [user for user in people if is_open or user in approvers]
        if kind is not None and allowed:
            asking.setdefault(kind, allowed if kind in NAMED_ONLY else allowed[:1])
    return tuple(Wish(kind, user) for kind in KINDS.values() for user in asking.get(kind, ()))


def _parsed(item: object) -> Reaction | None:
    if not isinstance(item, Mapping):
        return None
    name, users = item.get("name"), item.get("users")
    if not isinstance(name, str) or not isinstance(users, list):
        return None
    return Reaction(name, tuple(user for user in users if isinstance(user, str)))
