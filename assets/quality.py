"""Quality: Great Expectations on the day's snapshots, as one multi-asset check per monitor.

The checks never block: what they condemn is withheld by the stages that would have used it.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from assets.metadata import as_metadata
from assets.stage import key
from monitoring_dagster.monitors.contract import Kind, Monitor, Severity
from monitoring_dagster.reports import figures
from monitoring_dagster.resources import Workplace

_SEVERITIES = {
    Severity.INFO: dg.AssetCheckSeverity.WARN,
    Severity.WARNING: dg.AssetCheckSeverity.WARN,
    Severity.CRITICAL: dg.AssetCheckSeverity.ERROR,
}


def quality(monitor: Monitor) -> dg.AssetChecksDefinition:
    """One check `quality` on each snapshot asset, evaluated together."""
    kinds = [kind for kind in Kind if getattr(monitor.telemetry, kind) is not None]

    @dg.multi_asset_check(
        name=f"{monitor.name}__quality",
        specs=[
            dg.AssetCheckSpec(
                "quality",
                asset=key(monitor, kind.value),
                description=f"Expectations on {kind}: the contract's, those learned from the "
                "reference, and the document's own.",
                additional_deps=[key(monitor, "reference")],
            )
            for kind in kinds
        ],
        can_subset=True,
    )
    def _quality(
        context: dg.AssetCheckExecutionContext, workplace: Workplace
    ) -> Iterator[dg.AssetCheckResult]:
        day = workplace.day(monitor, context.run.tags, context.run.run_id)
        days = [dt.date.fromisoformat(partition) for partition in context.partition_keys]
        reports = day.check_quality([when for when in days if not day.is_closed(when)])
        for check in sorted(context.selected_asset_check_keys):
            kind = Kind(check.asset_key.path[-1])
            broken = figures.broken_expectations(reports, kind)
            yield dg.AssetCheckResult(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=not broken,
                severity=_SEVERITIES[figures.worst_severity(reports, kind)],
                metadata=as_metadata(figures.of_quality(reports, kind, broken)),
            )

    return _quality
