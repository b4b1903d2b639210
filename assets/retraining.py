"""Retraining: the job that does an action, and those by which people decide about one."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from assets.incidents import Asked, answering_job, who
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.resources import Workplace
from monitoring_dagster.retraining.action import Action

JOB = "retraining"

ACTION_TAG = "monitoring/action"
ATTEMPT_TAG = "monitoring/attempt"
"""Run tags: which action a run does, and at which attempt; another attempt has superseded it."""

OP = "act"

NAMED: Asked = {
    "action": dg.Field(str, description="Its short name, such as RT-7F3A9C."),
    "because": dg.Field(str, description="Why."),
    "by": dg.Field(str, description="Who you are; kept with what you decide."),
}

OF_MODEL: Asked = {
    "monitor": dg.Field(str, description="Name of the monitor."),
    "because": dg.Field(str, description="Why."),
    "by": dg.Field(str, description="Who you are; kept with what you ask for."),
}


def run_config(action: Action) -> dict[str, Any]:
    """What the job is told: the action and its attempt, and nothing else."""
    return {"ops": {OP: {"config": {"action": action.id, "attempt": action.attempt}}}}


def retraining(monitors: Sequence[Monitor]) -> dg.JobDefinition:
    """Trains, compares or promotes, as the action's phase says; in a process of its own."""

    @dg.op(name=OP, config_schema={"action": int, "attempt": int})
    def act(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        performing = workplace.performing(monitors, context.run.tags, context.run.run_id)
        context.log.info(performing.perform(asked["action"], asked["attempt"]))

    @dg.job(
        name=JOB,
        description="Does an action that is owed; launched by the sensor `actions`.",
        tags={"monitoring": "action"},
    )
    def _retraining() -> None:
        act()

    return _retraining


def deciding(monitors: Sequence[Monitor]) -> dg.Definitions:
    """The jobs by which people at Dagster's pages approve, reject, ask for and take back."""

    @dg.op(config_schema=NAMED)
    def approve(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        after = workplace.deciding(monitors).approve(
            asked["action"], who(context), asked["because"]
        )
        context.log.info(f"{after.ref} is now {after.status}")

    @dg.op(config_schema=NAMED)
    def reject(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        after = workplace.deciding(monitors).reject(asked["action"], who(context), asked["because"])
        context.log.info(f"{after.ref} is now {after.status}")

    @dg.op(config_schema=OF_MODEL)
    def retrain(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        made = workplace.deciding(monitors).retrain(
            asked["monitor"], who(context), asked["because"]
        )
        if not made.ref:
            raise dg.Failure(made.text, allow_retries=False)
        context.log.info(made.text)

    @dg.op(config_schema=OF_MODEL)
    def roll_back(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        asked = context.op_config
        made = workplace.deciding(monitors).roll_back(
            asked["monitor"], who(context), asked["because"]
        )
        context.log.info(f"{made.ref} is {made.status}: back to version {made.challenger}")

    return dg.Definitions(
        jobs=[
            answering_job("approve_retraining", approve, "Lets a challenger take over."),
            answering_job("reject_retraining", reject, "Calls a retraining off."),
            answering_job("retrain_model", retrain, "Asks for a retraining by hand."),
            answering_job("roll_back_model", roll_back, "Brings the former champion back."),
        ]
    )
