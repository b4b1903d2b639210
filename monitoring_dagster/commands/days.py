"""Commands that do something with days: take them, accept them as normal, let them expire."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from monitoring_dagster.commands.arguments import DAY, FirstDay, LastDay, person, reason
from monitoring_dagster.commands.deployment import monitor_named, store
from monitoring_dagster.commands.printing import fail, say


def run(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    first: FirstDay,
    last: LastDay,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay", help="Take each day as of its own next morning, late labels late."
        ),
    ] = False,
) -> None:
    """Run every stage of some days, through Dagster, in this process."""
    from monitoring_dagster.reports import terminal
    from monitoring_dagster.running import run_days

    ran = run_days(monitor_named(monitor), first, last, replay=replay)
    if ran.failures:
        fail("\n".join(ran.failures))
    if ran.stopped:
        ref, day = ran.stopped
        told = (
            f"The replay stops after {day}: {ref} is owed, and what follows hangs on it. "
            f"`monitoring-dagster retraining show {ref}` tells of it, `retraining run` does it; "
            "then go on from the next day."
        )
        say([told])
        return
    say(terminal.summary(store().reasons(monitor, first_day=first, last_day=last)))


def accept(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    since: Annotated[dt.date, typer.Option(help="First day of the new normal.", **DAY)],
    because: Annotated[str, typer.Option(help="Why it is normal; kept with the decision.")],
    by: Annotated[str | None, typer.Option(help="Who accepts it; the user by default.")] = None,
) -> None:
    """Accept what has been so since a day as normal; detectors start anew and learn it."""
    from monitoring_dagster.resources import Workplace
    from monitoring_dagster.store import NewNormal

    why, who = reason(because), person(by)
    day = Workplace().day(monitor_named(monitor))
    judged = day.accept(NewNormal(since, why, who, day.computed_at))
    typer.echo(
        f"Accepted by {who}: {monitor} is normal since {since}. "
        f"{len(judged)} days were judged anew, {judged[0].day} to {judged[-1].day}."
    )


def retention(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    drop: Annotated[bool, typer.Option("--drop", help="Drop it; otherwise it is listed.")] = False,
) -> None:
    """List what is past its retention, or drop it; the schedule drops it every night."""
    from monitoring_dagster.resources import Workplace

    day = Workplace().day(monitor_named(monitor))
    for partition in day.drop_expired() if drop else day.expired():
        typer.echo(partition)
