"""The methods about apps and people: `auth.test`, `users.info`, `reactions.get`."""

from __future__ import annotations

from typing import Any

from tests.slack.arguments import Arguments
from tests.slack.replies import Refused
from tests.slack.state import TEAM, Caller, State


def auth_test(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """auth.test."""
    bot = state.people[caller.app.user]
    return {
        "url": TEAM,
        "team": "Monitoring",
        "team_id": "T00000001",
        "user": bot.name,
        "user_id": bot.id,
        "bot_id": f"B{bot.id[1:]}",
        "is_enterprise_install": False,
    }


def users_info(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """users.info."""
    person = state.people.get(arguments.required("user"))
    if person is None:
        raise Refused("user_not_found")
    profile = {"display_name": person.name, "real_name": person.name.title()}
    named = {"id": person.id, "name": person.name, "real_name": profile["real_name"]}
    return {"user": named | {"profile": profile, "is_bot": person.is_bot, "deleted": False}}


def reactions_get(state: State, caller: Caller, arguments: Arguments) -> dict[str, Any]:
    """reactions.get of a message."""
    if "channel" not in arguments or "timestamp" not in arguments:
        raise Refused("no_item_specified")
    room = state.room(arguments.text("channel"), caller.app)
    message = room.by_ts.get(arguments.text("timestamp"))
    if message is None or message.is_deleted:
        raise Refused("message_not_found")
    return {"type": "message", "channel": room.id, "message": message.as_answer(False)}
