"""Commands about retraining: what is owed, what became of it, and what people decide.

What a decision does is `deciding`; each leaves a trace with a name.
"""

from __future__ import annotations

from typing import Annotated

import typer

from monitoring_dagster.commands import deployment, printing
from monitoring_dagster.commands.arguments import By, actor, reason
from monitoring_dagster.commands.printing import fail, say

app = typer.Typer(
    help="New models: why they are trained, and which may take over.", no_args_is_help=True
)

Ref = Annotated[str, typer.Argument(help="Its short name, such as RT-7F3A9C.")]
Name = Annotated[str, typer.Argument(help="Name of the monitor.")]
Because = Annotated[str, typer.Option(help="Why; kept with the decision.")]


@app.command("list")
def listed(
    monitor: Annotated[str | None, typer.Option(help="Only those of one monitor.")] = None,
) -> None:
    """List actions, the newest first."""
    from monitoring_dagster.reports import actions as pages
    from monitoring_dagster.retraining.rows import action_of
    from monitoring_dagster.store import actions as stored

    kept = deployment.store().read(lambda connection: stored.listed(connection, monitor=monitor))
    found = list(map(action_of, kept))
    if found:
        printing.table(pages.HEADER, pages.rows(found), set(pages.HEADER) - {"days"})
    else:
        say(["no retraining and no rollback was ever owed"])


@app.command()
def show(ref: Ref) -> None:
    """Print everything that is known of an action: its evidence, its window, the gate's table."""
    from monitoring_dagster.reports import actions as pages
    from monitoring_dagster.retraining.rows import action_of
    from monitoring_dagster.store import actions as stored

    store = deployment.store()
    row = store.read(lambda connection: stored.by_ref(connection, ref))
    if row is None:
        fail(f"there is no action {ref}; `monitoring-dagster retraining list` names them")
    people = store.read(lambda connection: stored.approvals(connection, row.id))
    say(pages.detail(action_of(row), [(one.person, one.because) for one in people]))


@app.command()
def request(monitor: Name, because: Because, by: By = None) -> None:
    """Ask for a retraining by hand; the sensor launches it."""
    made = deployment.deciding().retrain(monitor, actor(by), reason(because))
    if not made.ref:
        fail(made.text)
    say([made.text])


@app.command()
def approve(ref: Ref, because: Because, by: By = None) -> None:
    """Let the challenger of a retraining take over, or a rollback be done."""
    after = deployment.deciding().approve(ref, actor(by), reason(because))
    say([f"{after.ref} is {after.status.replace('_', ' ')}"])


@app.command()
def reject(ref: Ref, because: Because, by: By = None) -> None:
    """Call an action off."""
    after = deployment.deciding().reject(ref, actor(by), reason(because))
    say([f"{after.ref} is {after.status}"])


@app.command()
def rollback(monitor: Name, because: Because, by: By = None) -> None:
    """Bring the former champion back, with its reference and what the detectors knew of it."""
    from monitoring_dagster.running import run_actions

    made = deployment.deciding().roll_back(monitor, actor(by), reason(because))
    if made.status.value == "requested":
        say(run_actions(deployment.monitors(), monitor))
    else:
        say([f"{made.ref} is {made.status.replace('_', ' ')}: {made.because}"])


@app.command("run")
def run_now(
    monitor: Annotated[str | None, typer.Argument(help="Only that of one monitor.")] = None,
) -> None:
    """Do now what the sensor would launch, through Dagster, in this process."""
    from monitoring_dagster.running import run_actions

    deployment.store()
    say(run_actions(deployment.monitors(), monitor) or ["nothing is owed"])
