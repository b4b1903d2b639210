"""The environment variables of this room: their names, and what they mean.

Apart from `configuration`, which reads them, since settings are listed without a channel.
"""

from __future__ import annotations

SLACK_TOKEN = "MONITORING_DAGSTER_SLACK_TOKEN"  # noqa: S105 - the name of a variable
SLACK_CHANNEL = "MONITORING_DAGSTER_SLACK_CHANNEL"
SLACK_APPROVERS = "MONITORING_DAGSTER_SLACK_APPROVERS"
SLACK_SECOND_TOKEN = "MONITORING_DAGSTER_SLACK_SECOND_TOKEN"  # noqa: S105 - as above
SLACK_SECOND_CHANNEL = "MONITORING_DAGSTER_SLACK_SECOND_CHANNEL"
SLACK_BASE_URL = "MONITORING_DAGSTER_SLACK_BASE_URL"
SLACK_ALLOW_INSECURE = "MONITORING_DAGSTER_SLACK_ALLOW_INSECURE"
WEBHOOK_URL = "MONITORING_DAGSTER_WEBHOOK_URL"
WEBHOOK_SECRET = "MONITORING_DAGSTER_WEBHOOK_SECRET"  # noqa: S105 - as above
WEBHOOK_ALLOW_INSECURE = "MONITORING_DAGSTER_WEBHOOK_ALLOW_INSECURE"
SMTP_URL = "MONITORING_DAGSTER_SMTP_URL"
SMTP_PASSWORD = "MONITORING_DAGSTER_SMTP_PASSWORD"  # noqa: S105 - as above
SMTP_FROM = "MONITORING_DAGSTER_SMTP_FROM"
SMTP_TO = "MONITORING_DAGSTER_SMTP_TO"
HEARTBEAT_URL = "MONITORING_DAGSTER_HEARTBEAT_URL"

DEFAULT_DESTINATION = "#model-monitoring"

MEANING = {
    SLACK_TOKEN: "Bot token of the Slack app (or ..._TOKEN_FILE: a file of it); no Slack without.",
    SLACK_CHANNEL: f"Channel of monitors that name none; {DEFAULT_DESTINATION} by default.",
    SLACK_APPROVERS: "Ids of the Slack users whose reactions count, with commas; all by default.",
    SLACK_SECOND_TOKEN: "Bot token of a second workspace to fall back to (or ..._TOKEN_FILE).",
    SLACK_SECOND_CHANNEL: "Channel to fall back to, of the second workspace if there is one.",
    SLACK_BASE_URL: "Where Slack's Web API is; slack.com by default.",
    SLACK_ALLOW_INSECURE: "1 lets Slack's URL be on this machine; for tests.",
    WEBHOOK_URL: "https URL on a public host that messages are sent to as signed JSON.",
    WEBHOOK_SECRET: "Key of the webhook's signature (or ..._SECRET_FILE: a file of it).",
    WEBHOOK_ALLOW_INSECURE: "1 lets webhook and heartbeat be on this machine; for tests.",
    SMTP_URL: "Mail server, as smtps://user@host:465, or smtp:// for STARTTLS.",
    SMTP_PASSWORD: "Password of the mail server (or ..._PASSWORD_FILE: a file of it).",
    SMTP_FROM: "Address that mails come from.",
    SMTP_TO: "Addresses that mails go to, separated by commas.",
    HEARTBEAT_URL: "https URL that is called while all is well, for a dead man's switch.",
}
"""What each means, in a line."""
