"""Commands about documents: draft one, validate all, try a changed one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitoring_dagster.commands.arguments import FirstDay, LastDay
from monitoring_dagster.commands.deployment import monitor_named
from monitoring_dagster.commands.printing import fail, say
from monitoring_dagster.settings import Settings


def check(
    path: Annotated[Path | None, typer.Argument(help="A document or a folder of them.")] = None,
) -> None:
    """Validate monitors; every problem of every file at once."""
    from monitoring_dagster import documents

    where = path or Settings.from_environment().monitors
    loaded = documents.load(where)
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    for name, monitor in sorted(loaded.monitors.items()):
        typer.echo(f"{name}: valid, version {monitor.config_hash}")
    if not loaded.monitors and not loaded.problems:
        typer.echo(f"{where}: no monitors here; write one with `monitoring-dagster init`", err=True)
        raise typer.Exit(1)
    raise typer.Exit(1 if loaded.problems else 0)


def init(
    sample: Annotated[Path, typer.Argument(help="A CSV or Parquet file of telemetry.")],
    name: Annotated[str, typer.Option(help="The monitor's name.")],
    owner: Annotated[str, typer.Option(help="`team:NAME` or an e-mail address.")] = "team:ml",
    output: Annotated[
        Path | None, typer.Option(help="File to write; NAME.yaml among the monitors by default.")
    ] = None,
) -> None:
    """Write a commented monitor from a sample of telemetry."""
    from monitoring_dagster.monitors.draft import draft
    from monitoring_dagster.monitors.schema import write_schema

    settings = Settings.from_environment()
    target = output or settings.monitors / f"{name}.yaml"
    if target.exists():
        fail(f"{target} exists; remove it first, or give another --output")
    text = draft(sample, name, owner, base=settings.home)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    write_schema(target.parent)
    typer.echo(f"Wrote {target}. Read its comments, then run `monitoring-dagster check {target}`.")


def backtest(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    config: Annotated[Path, typer.Option(help="The changed document.")],
    first: FirstDay = None,  # type: ignore[assignment] - typer turns it into an option
    last: LastDay = None,  # type: ignore[assignment] - as above
) -> None:
    """Say which alerts a changed document would add and take away; touches nothing."""
    from monitoring_dagster import documents
    from monitoring_dagster.backtest import backtest as replay
    from monitoring_dagster.reports import verdicts as pages
    from monitoring_dagster.resources import Workplace

    present = monitor_named(monitor)
    loaded = documents.load(config)
    if loaded.problems:
        fail("\n".join(str(problem) for problem in loaded.problems))
    if not config.is_file() or len(loaded.monitors) != 1:
        fail(f"{config} is no document of one monitor; give the YAML file of the changed one")
    changed = next(iter(loaded.monitors.values()))
    day = Workplace().day(present)
    found = replay(day, changed, first or present.first_day, last or present.last_day or day.today)
    say(pages.of_backtest(found))
