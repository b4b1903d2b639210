"""The reference: what the model was validated on, frozen once per configuration."""

import dagster as dg

from assets.metadata import as_metadata
from assets.stage import attributes
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports import figures
from monitoring_dagster.resources import Workplace


def reference(monitor: Monitor) -> dg.AssetsDefinition:
    """The unpartitioned asset `[monitor, reference]`.

    Part of the daily job, where it costs a look: a frozen reference is loaded, never recomputed.
    """

    @dg.asset(
        **attributes(monitor, "reference", {"parquet", "duckdb"}),
        description=f"What the model was validated on, {monitor.reference.first_day} to "
        f"{monitor.reference.last_day}: freezes the grid, its profile and its outcomes.",
    )
    def _reference(context: dg.AssetExecutionContext, workplace: Workplace) -> dg.MaterializeResult:
        day = workplace.day(monitor, context.run.tags, context.run.run_id)
        frozen = day.freeze_reference()
        return dg.MaterializeResult(
            metadata=as_metadata(figures.of_reference(frozen)),
            data_version=dg.DataVersion(frozen.id),
        )

    return _reference
