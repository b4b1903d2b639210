"""Incidents: jobs by which people at Dagster's pages answer them, as they would in a thread."""

import datetime as dt
from collections.abc import Callable, Sequence

import dagster as dg

from monitoring_dagster.incidents import answering
from monitoring_dagster.incidents.desk import Desk
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace

Asked = dict[str, dg.Field]
Act = Callable[[Desk, str], Incident]

NAMED: Asked = {
    "incident": dg.Field(
        str, description="Its short name, such as MD-7F3A9C: the last word of its message."
    ),
    "by": dg.Field(str, description="Who you are; kept with what you do."),
}


def incidents(monitors: Sequence[Monitor]) -> dg.Definitions:
    """The jobs that acknowledge, snooze, resolve and silence; each leaves a trace with a name."""

    def answer(context: dg.OpExecutionContext, workplace: Workplace, act: Act) -> None:
        after = workplace.upkeep(monitors).answer(context.op_config["incident"], act)
        context.log.info(f"{after.ref} is now {after.status}: {after.title}")

    @dg.op(config_schema=NAMED)
    def acknowledge(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        by = who(context)
        answer(context, workplace, lambda desk, ref: answering.acknowledge(desk, ref, by))

    @dg.op(
        config_schema=NAMED
        | {"hours": dg.Field(float, default_value=24.0, description="For how long.")}
    )
    def snooze(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        by, length = who(context), dt.timedelta(hours=context.op_config["hours"])
        answer(
            context,
            workplace,
            lambda desk, ref: answering.snooze(desk, ref, desk.now + length, by),
        )

    @dg.op(config_schema=NAMED | {"because": dg.Field(str, description="Why it is over.")})
    def resolve(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        by, because = who(context), context.op_config["because"]
        answer(context, workplace, lambda desk, ref: answering.resolve(desk, ref, because, by))

    @dg.op(
        config_schema={
            "monitor": dg.Field(str, description="Name of the monitor, with * for any part."),
            "cause": dg.Field(
                str,
                default_value="*",
                description="What it is about, such as inputs, column:age or segment:*.",
            ),
            "hours": dg.Field(float, description="For how long; at most 30 days."),
            "because": dg.Field(str, description="Why."),
            "by": dg.Field(str, description="Who you are; kept with what you do."),
        }
    )
    def silence(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        made = workplace.upkeep(monitors).silence(
            asked["monitor"],
            asked["cause"],
            dt.timedelta(hours=asked["hours"]),
            by=who(context),
            because=asked["because"],
        )
        context.log.info(f"silence {made.id} ends at {made.ends_at:%Y-%m-%d %H:%M} UTC")

    return dg.Definitions(
        jobs=[
            answering_job("acknowledge_incident", acknowledge, "Says that somebody deals with it."),
            answering_job("snooze_incident", snooze, "Nobody is called for it for a while."),
            answering_job("resolve_incident", resolve, "Says that it is over."),
            answering_job(
                "silence_incidents", silence, "Nobody is called for what matches, for a while."
            ),
        ]
    )


def who(context: dg.OpExecutionContext) -> str:
    """Who asks, as the audit log has it: nobody signs as the system, for Slack or not at all."""
    by = context.op_config["by"].strip()
    if not by:
        raise dg.Failure("`by` is empty; required is who you are", allow_retries=False)
    return f"user:{by}"


def answering_job(name: str, op: dg.OpDefinition, description: str) -> dg.JobDefinition:
    """The job asks for what the op asks for, and for nothing else: people type it by hand."""
    mapping = dg.ConfigMapping(
        config_fn=lambda asked: {"ops": {op.name: {"config": dict(asked)}}},
        config_schema=op.config_schema.config_type,
    )

    @dg.job(name=name, description=description, tags={"monitoring": "answer"}, config=mapping)
    def _answer() -> None:
        op()

    return _answer
