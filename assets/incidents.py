"""Incidents: jobs by which people at Dagster's pages answer them, as they would in a thread."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from monitoring_dagster.incidents import answering
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace

NAMED = {
    "incident": dg.Field(str, description="Its short name, such as MD-7F3A9C."),
    "by": dg.Field(str, description="Who you are; kept with what you do."),
}


def incidents(monitors: Sequence[Monitor]) -> dg.Definitions:
    """The jobs that acknowledge, snooze, resolve and silence; each leaves a trace with a name."""

    @dg.op(config_schema=NAMED)
    def acknowledge(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        workplace.upkeep(monitors).answer(
            asked["incident"], lambda desk, ref: answering.acknowledge(desk, ref, asked["by"])
        )

    @dg.op(
        config_schema=NAMED
        | {"hours": dg.Field(float, default_value=24.0, description="For how long.")}
    )
    def snooze(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        length = dt.timedelta(hours=asked["hours"])
        workplace.upkeep(monitors).answer(
            asked["incident"],
            lambda desk, ref: answering.snooze(desk, ref, desk.now + length, asked["by"]),
        )

    @dg.op(config_schema=NAMED | {"because": dg.Field(str, description="Why it is over.")})
    def resolve(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        workplace.upkeep(monitors).answer(
            asked["incident"],
            lambda desk, ref: answering.resolve(desk, ref, asked["because"], asked["by"]),
        )

    @dg.op(
        config_schema={
            "monitor": dg.Field(str, description="Name of the monitor, with * for any part."),
            "cause": dg.Field(str, default_value="*", description="Such as inputs or segment:*."),
            "hours": dg.Field(float, description="For how long; at most 30 days."),
            "because": dg.Field(str, description="Why."),
            "by": dg.Field(str, description="Who you are; kept with what you do."),
        }
    )
    def silence(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        workplace.upkeep(monitors).silence(
            asked["monitor"],
            asked["cause"],
            dt.timedelta(hours=asked["hours"]),
            by=asked["by"],
            because=asked["because"],
        )

    return dg.Definitions(
        jobs=[
            _job("acknowledge_incident", acknowledge, "Says that somebody deals with it."),
            _job("snooze_incident", snooze, "Nobody is called for it for a while."),
            _job("resolve_incident", resolve, "Says that it is over."),
            _job("silence_incidents", silence, "Nobody is called for what matches, for a while."),
        ]
    )


def _job(name: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    @dg.job(name=name, description=description, tags={"monitoring": "answer"})
    def _answer() -> None:
        op()

    return _answer
