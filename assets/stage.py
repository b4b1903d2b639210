"""What every stage of a monitor shares as an asset: key, partitions, owner, version, metadata.

A stage itself is one call of the system (see `monitoring_dagster.day`); the other files here
name it, place it in the lineage and say which figures people see.
"""

import datetime as dt
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

import dagster as dg

from assets.metadata import as_metadata
from monitoring_dagster.day import ALGORITHM_VERSION, Day
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace

LONGEST_RUN_DAYS = 31
"""Days of one run: Dagster logs an event per partition, and thousands time out (measured)."""

CLOSED = {"status": "closed: the raw rows are past their retention, the counts stay as they are"}

Figures = Mapping[str, object]
Body = Callable[[Day, Sequence[dt.date]], Mapping[dt.date, Figures]]


def key(monitor: Monitor, stage: str) -> dg.AssetKey:
    """The asset key of a stage: always `[monitor, stage]`."""
    return dg.AssetKey([monitor.name, stage])


def partitions(monitor: Monitor) -> dg.DailyPartitionsDefinition:
    """The monitor's days, cut by the calendar of its zone."""
    end = None if monitor.last_day is None else monitor.last_day + dt.timedelta(days=1)
    return dg.DailyPartitionsDefinition(
        start_date=monitor.first_day.isoformat(),
        end_date=None if end is None else end.isoformat(),
        timezone=monitor.time_zone,
    )


class Attributes(TypedDict):
    """What the Dagster UI shows and selects a stage by."""

    key: dg.AssetKey
    group_name: str
    owners: list[str]
    kinds: set[str]
    tags: dict[str, str]
    code_version: str


def attributes(monitor: Monitor, stage: str, kinds: set[str]) -> Attributes:
    """What the Dagster UI shows and selects by, the same for every stage."""
    return Attributes(
        key=key(monitor, stage),
        group_name=monitor.name,
        owners=[monitor.owner],
        kinds=kinds,
        tags={"monitor": monitor.name, "materiality": monitor.materiality.value},
        code_version=f"{monitor.config_hash}.{ALGORITHM_VERSION}",
    )


def daily(
    monitor: Monitor,
    stage: str,
    body: Body,
    *,
    deps: Sequence[str],
    kinds: set[str],
    description: str,
) -> dg.AssetsDefinition:
    """The daily partitioned asset of one stage; `body` computes its days and their figures."""

    def _stage(context: dg.AssetExecutionContext, workplace: Workplace) -> dg.MaterializeResult:
        day = workplace.day(monitor, context.run.tags, context.run.run_id)
        days = [dt.date.fromisoformat(partition) for partition in context.partition_keys]
        closed = {when: CLOSED for when in days if day.is_closed(when)}
        figures = body(day, [when for when in days if when not in closed])
        for when, shown in {**closed, **figures}.items():
            context.add_asset_metadata(as_metadata(shown), partition_key=when.isoformat())
        return dg.MaterializeResult()

    with warnings.catch_warnings():
        # Backfill policies are in beta, of which Dagster would warn at every stage.
        warnings.simplefilter("ignore", dg.BetaWarning)
        as_asset = dg.asset(
            **attributes(monitor, stage, kinds),
            description=description,
            deps=[key(monitor, dep) for dep in deps],
            partitions_def=partitions(monitor),
            backfill_policy=dg.BackfillPolicy.multi_run(LONGEST_RUN_DAYS),
        )
    return as_asset(_stage)
