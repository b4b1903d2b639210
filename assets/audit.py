"""The audit log: a job that signs where it ends, and a check that it is as it was written."""

import os

import dagster as dg

from assets.metadata import as_metadata
from monitoring_dagster import auditing
from monitoring_dagster.resources import Workplace, wall_clock
from monitoring_dagster.settings import Settings
from sensors.broken_monitors import LOCATION

CHECK = "audit_log_is_intact"
FOUND = "what was found"

EVERY_HOUR, EVERY_NIGHT = "7 * * * *", "20 4 * * *"


def audit() -> dg.Definitions:
    """The jobs `audit_anchor` and `audit_verify` with their schedules, and the check."""

    @dg.op(description="Adds a signed checkpoint, unless nothing was logged since the last one.")
    def anchor_log(context: dg.OpExecutionContext, workplace: Workplace) -> None:
        home = Settings.from_environment().home
        made = auditing.anchor(workplace.store(), os.environ, home, wall_clock())
        context.log.info(f"{made.head.seq} rows" if made else "nothing was logged since")

    @dg.job(name="audit_anchor", description="Signs where the audit log ends.")
    def _anchor() -> None:
        anchor_log()

    @dg.asset_check(
        asset=LOCATION, name=CHECK, description="The audit log is as it was written and signed."
    )
    def _check(workplace: Workplace) -> dg.AssetCheckResult:
        home = Settings.from_environment().home
        found = auditing.verify(workplace.store(), os.environ, home)
        figures = {
            FOUND: "; ".join([found.text, *found.unchecked]),
            "rows": found.rows,
            "erased payloads": found.erased,
            "signed up to row": found.vouched,
            "warnings": "\n".join(found.warnings) or "none",
        }
        return dg.AssetCheckResult(passed=found.exit_code == 0, metadata=as_metadata(figures))

    verify = dg.define_asset_job(
        "audit_verify",
        selection=dg.AssetSelection.checks(_check),
        description="Checks every row of the audit log, and every checkpoint.",
    )
    return dg.Definitions(
        asset_checks=[_check],
        jobs=[_anchor, verify],
        schedules=[
            dg.ScheduleDefinition(
                job=job, cron_schedule=when, default_status=dg.DefaultScheduleStatus.RUNNING
            )
            for job, when in ((_anchor, EVERY_HOUR), (verify, EVERY_NIGHT))
        ],
    )
