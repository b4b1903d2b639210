"""Runs the example: `python -m examples.flights --home DIR`."""

from __future__ import annotations

import argparse
import warnings
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from examples.flights import messages, summary
from examples.flights.stages import REPOSITORY, Demo, Facts, Stage
from monitoring_dagster.store import Store

DEFAULT_HOME = REPOSITORY / ".demo"


def main() -> None:
    """Run every stage whose output is not there yet, then show what was found."""
    # MLflow meets new versions of pandas and SQLAlchemy with warnings nobody here can act on.
    warnings.simplefilter("ignore")
    demo = Demo(_arguments().home.absolute())
    console = Console()
    facts = {stage.title: _do(stage, console) for stage in demo.stages()}
    console.print()
    store = Store(demo.store_url)
    console.print(summary.table(summary.months(store)))
    console.print(summary.incidents(store))
    console.print(summary.retrainings(store))
    first = facts["Training the model"]["version"]
    console.print(summary.gains(summary.reigns(store, demo.flights, demo.scored, first)))
    console.print(_closing(demo.home, messages.write_page(demo.home)), soft_wrap=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m examples.flights",
        description="Trains a model of flight delays and monitors it from April to December 2013.",
    )
    parser.add_argument(
        "--home", type=Path, default=DEFAULT_HOME, help="folder for everything that is written"
    )
    return parser.parse_args()


def _do(stage: Stage, console: Console) -> Facts:
    facts = stage.facts()
    if facts is not None:
        _say(stage, facts, "already there", console)
        return facts
    run = stage.run if stage.speaks_for_itself else partial(_run_with_bar, stage, console)
    facts = run()
    _say(stage, facts, f"{facts['seconds']} s", console)
    return facts


def _run_with_bar(stage: Stage, console: Console) -> Facts:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(stage.title, total=None)
        return stage.run(lambda done, total: progress.update(bar, completed=done, total=total))


def _say(stage: Stage, facts: Facts, aside: str, console: Console) -> None:
    console.print(
        f"[green]✓[/] {stage.sentence.format(**facts)} [dim]({aside})[/]", highlight=False
    )


def _closing(home: Path, page: tuple[Path, int] | None) -> str:
    ui = "make ui"
    if home != DEFAULT_HOME:
        ui = f"MONITORING_DAGSTER_HOME={home} DAGSTER_HOME={home / 'dagster'} {ui}"
    runs = ui.replace("make ui", "make mlflow-ui")
    told = "\nThe year's messages went to Slack"
    if page is not None:
        told = f"\nThe year's {page[1]} messages as they look in Slack: [bold]{page[0]}[/]"
    return (
        f"{told}"
        f"\nMeasurements, verdicts and incidents: {home / 'store.db'}"
        f"\nSnapshots, profiles and the frozen reference: {home / 'lake'}"
        f"\nModels and the runs of their retraining: {home / 'mlflow'}; [bold]{runs}[/] opens them"
        f"\nTo look at all of it in Dagster: [bold]{ui}[/]"
    )


if __name__ == "__main__":
    main()
