"""Advice: what the bot must be allowed to do, and what people do about Slack's refusals.

Pure. What a refusal means for a message is `answers`.
"""

from __future__ import annotations

from collections.abc import Mapping

NEEDED = {
    "chat:write": "sends, edits and deletes its own messages",
    "channels:read": "finds the ids of channels that are given by name",
    "groups:read": "the same for private channels",
    "channels:history": "looks whether a message is there before it is sent again",
    "groups:history": "the same in private channels",
    "reactions:read": "takes 👀, 🔕 and ✅ as answers",
    "files:write": "puts pictures into threads",
}
"""Scopes of the bot token, and what each is for; deploy/slack/manifest.yaml asks for them."""

REINSTALL = (
    "add what is missing under OAuth & Permissions at api.slack.com/apps, and reinstall the app"
)

_TOKEN = "copy the Bot User OAuth Token (xoxb-...) of the installed app into its variable anew"  # noqa: S105 - no token

_NETWORK = "check that this host reaches slack.com by https, and https_proxy if there is a proxy"

_ADVICE: Mapping[str, str] = {
    "account_inactive": f"the app was removed from the workspace: install it again, and {_TOKEN}",
    "certificate_refused": "who answers is not Slack, or a proxy that this host does not trust: "
    "add its certificate to the system's",
    "channel_not_found": "there is no {place} that the bot can see: check the name, and invite the "
    "bot into a private channel, with {invite}",
    "connect_timeout": _NETWORK,
    "disconnected": _NETWORK,
    "invalid_auth": f"the token is none of this workspace: {_TOKEN}",
    "is_archived": "unarchive {place}, or name another channel",
    "is_inactive": "unarchive {place}, or name another channel",
    "missing_scope": f"it needs {{scope}}: {REINSTALL}",
    "name_not_found": _NETWORK,
    "not_allowed_token_type": f"that is no bot token: {_TOKEN}",
    "not_authed": f"no token arrived: {_TOKEN}",
    "not_in_channel": "in {place}, write {invite}",
    "ratelimited": "Slack asks for a pause: try again in some minutes",
    "redirected": "something between here and Slack answers in its place: check "
    "MONITORING_DAGSTER_SLACK_BASE_URL, and the proxy",
    "team_access_not_granted": "an administrator of the organisation has to grant the app this "
    "workspace",
    "timeout": _NETWORK,
    "token_expired": f"the token is too old: {_TOKEN}, and leave token rotation off",
    "token_revoked": f"the token was revoked: install the app again, and {_TOKEN}",
    "unreachable": _NETWORK,
    "unreadable_answer": _NETWORK,
}


def what_to_do(error: str, *, place: str = "the channel", scope: str = "", bot: str = "") -> str:
    """What people do about a refusal.

    Args:
        error: Slack's name of it, or ours of a broken connection.
        place: the channel that was meant.
        scope: the scope, or scopes, that the call needs.
        bot: name of the bot, as it is invited.

    >>> what_to_do("not_in_channel", place="#model-monitoring", bot="monitoring")
    'in #model-monitoring, write /invite @monitoring'
    """
    if error.startswith("restricted_action"):
        return f"the workspace's rules forbid it: ask an administrator to let the bot into {place}"
    if error.startswith("http_5") or error in ("fatal_error", "internal_error", "not_json"):
        return "Slack, or something before it, has a problem: try again, and see status.slack.com"
    known = _ADVICE.get(error)
    if known is None:
        return f"look up {error} in Slack's documentation of the method, and try again"
    invite = f"/invite @{bot}" if bot else "/invite and the name of the app's bot"
    return known.format(place=place, scope=scope or "that the call needs", invite=invite)
