"""Age: the champion is older than the agreement on retraining frequency allows."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.reasons.evidence import Evidence, Explained, Known, Said


def age(document: Monitor, days: Sequence[Said], known: Known) -> Evidence | Explained | None:
    """Days from the beginning of the champion to the newest day, above `max_age_days`."""
    most = document.retraining.when.max_age_days
    if most is None or not days:
        return None
    since = known.champion_since
    old = (max(said.day for said in days) - since).days
    if old <= most:
        return None
    return Evidence(
        Why.AGE, f"the champion dates from {since} and is {old} days old; {most} are agreed", since
    )
