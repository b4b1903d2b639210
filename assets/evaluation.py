"""Evaluation: what is wrong with a day, decided from everything that was measured of it."""

import datetime as dt
from collections.abc import Mapping, Sequence

import dagster as dg

from assets.stage import Figures, daily
from monitoring_dagster.day import Day
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.reports import verdicts


def evaluation(monitor: Monitor) -> dg.AssetsDefinition:
    """The asset `[monitor, evaluation]`; days after a day that changes are evaluated with it."""
    stages = ["profile", "drift"]
    if monitor.telemetry.predictions is not None:
        stages.append("operations")
    if monitor.telemetry.labels is not None:
        stages += ["outcomes", "performance"]
    if monitor.reference_is_labelled:
        stages.append("estimated_performance")

    def body(day: Day, days: Sequence[dt.date]) -> Mapping[dt.date, Figures]:
        evaluated = [e for e in day.evaluate(days) if e.day in set(days)]
        return verdicts.of_evaluation(evaluated, day.open_incidents())

    return daily(
        monitor,
        "evaluation",
        body,
        deps=stages,
        kinds={"python"},
        description="What is wrong with the day: verdicts with their reasons, and the incidents "
        "that they open, keep and resolve, in one transaction.",
    )
