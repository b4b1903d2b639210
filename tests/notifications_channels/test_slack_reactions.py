"""Reactions become wishes: of people only, once, and of those who may."""

from __future__ import annotations

import itertools

import pytest

from monitoring_dagster.notifications.reactions import (
    Reaction,
    Wish,
    WishKind,
    parsed,
    wishes,
)

BOT = "UBOT"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("eyes", WishKind.ACKNOWLEDGE),
        ("no_bell", WishKind.SNOOZE),
        ("white_check_mark", WishKind.RESOLVE),
    ],
)
def test_an_emoji_is_a_wish(name: str, kind: WishKind) -> None:
    assert wishes([Reaction(name, ("U1", "U2"))], bots=[BOT]) == (Wish(kind, "U1"),)


@pytest.mark.parametrize(
    "reaction",
    [
        Reaction("tada", ("U1",)),
        Reaction("eyes", ()),
        Reaction("eyes", (BOT,)),
        Reaction("eyes", ("USLACKBOT",)),
        Reaction("EYES", ("U1",)),
    ],
    ids=["another emoji", "nobody", "our own bot", "Slack's own bot", "another name"],
)
def test_nothing_is_asked_for_by(reaction: Reaction) -> None:
    assert wishes([reaction], bots=[BOT]) == ()


def test_only_approvers_may_ask_where_there_are_any() -> None:
    seen = [Reaction("white_check_mark", ("U1", "U2")), Reaction("eyes", ("U1",))]
    assert wishes(seen, bots=[BOT], approvers=["U2"]) == (Wish(WishKind.RESOLVE, "U2"),)


def test_the_order_of_the_reactions_does_not_matter() -> None:
    seen = [Reaction(name, ("U1",)) for name in ("white_check_mark", "eyes", "no_bell", "tada")]
    said = {wishes(order, bots=[BOT]) for order in itertools.permutations(seen)}
    assert len(said) == 1


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"reactions": None},
        {"reactions": "eyes"},
        {"reactions": [None, 5, {}, {"name": "eyes"}, {"name": 1, "users": []}]},
        {"reactions": [{"name": "eyes", "users": "U1"}]},
    ],
    ids=repr,
)
def test_what_is_no_reaction_is_left_out(message: dict[str, object]) -> None:
    assert parsed(message) == ()
