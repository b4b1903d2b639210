"""The environment variables of this room: their names, and what they mean."""

from __future__ import annotations

TRUSTED_MODELS = "MONITORING_DAGSTER_TRUSTED_MODELS"
SCORING_HOSTS = "MONITORING_DAGSTER_SCORING_HOSTS"
SCORING_TOKEN = "MONITORING_DAGSTER_SCORING_TOKEN"  # noqa: S105 - the name of a variable
SCORING_TOKEN_FILE = "MONITORING_DAGSTER_SCORING_TOKEN_FILE"  # noqa: S105 - as above
SCORING_ALLOW_INSECURE = "MONITORING_DAGSTER_SCORING_ALLOW_INSECURE"

MEANING = {
    TRUSTED_MODELS: "SHA-256 of model folders whose code may run in a process apart, with commas.",
    SCORING_HOSTS: "Hosts that monitors may have rows scored at, with commas; none by default.",
    SCORING_TOKEN: "Token that these hosts are shown (or ..._TOKEN_FILE: a file of it).",
    SCORING_TOKEN_FILE: "A file of the token, where the variable itself is not set.",
    SCORING_ALLOW_INSECURE: "1 lets a scoring endpoint be on this machine; for tests.",
}
"""What each means, in a line."""
