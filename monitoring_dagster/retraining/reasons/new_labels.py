"""New labels: enough rows have been labelled since the champion was trained to learn from them."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.reasons.evidence import Evidence, Explained, Known, Said


def new_labels(
    document: Monitor, days: Sequence[Said], known: Known
) -> Evidence | Explained | None:
    """Labelled rows after the beginning of the champion whose labels are final, by the quota."""
    quota = document.retraining.when.new_labels
    if quota is None or not days:
        return None
    since = known.champion_since
    rows = known.labelled_after(since)
    if rows < quota:
        return None
    return Evidence(
        Why.NEW_LABELS,
        f"{rows:,} labelled rows are final since {since}, the quota is {quota:,}",
        since,
    )
