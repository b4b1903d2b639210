"""The same things for people at a terminal.

Commands translate arguments and print; the work is done where Dagster does it. Dagster and the
rooms are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitoring_dagster.errors import MonitoringError
from monitoring_dagster.settings import MEANING, Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from monitoring_dagster.monitors.contract import Monitor

app = typer.Typer(
    name="monitoring-dagster",
    help="Watches machine-learning models in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The store's database.", no_args_is_help=True)
app.add_typer(db, name="db")

FirstDay = Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
LastDay = Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(help="A document or a folder of them.")] = None,
) -> None:
    """Validate monitors; every problem of every file at once."""
    from monitoring_dagster.monitors.loader import load_path

    where = path or Settings.from_environment().monitors
    loaded = load_path(where)
    for problem in loaded.problems:
        typer.echo(str(problem), err=True)
    for name, monitor in sorted(loaded.monitors.items()):
        typer.echo(f"{name}: valid, version {monitor.config_hash}")
    if not loaded.monitors and not loaded.problems:
        typer.echo(f"{where}: no monitors here; write one with `monitoring-dagster init`", err=True)
        raise typer.Exit(1)
    raise typer.Exit(1 if loaded.problems else 0)


@app.command()
def init(
    sample: Annotated[Path, typer.Argument(help="A CSV or Parquet file of telemetry.")],
    name: Annotated[str, typer.Option(help="The monitor's name.")],
    owner: Annotated[str, typer.Option(help="`team:NAME` or an e-mail address.")] = "team:ml",
    output: Annotated[Path | None, typer.Option(help="File to write; NAME.yaml here.")] = None,
) -> None:
    """Write a commented monitor from a sample of telemetry."""
    from monitoring_dagster.monitors.draft import draft

    target = output or Settings.from_environment().monitors / f"{name}.yaml"
    if target.exists():
        _fail(f"{target} exists; remove it first, or give another --output")
    text = _or_fail(lambda: draft(sample, name, owner))
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    typer.echo(f"Wrote {target}. Read its comments, then run `monitoring-dagster check {target}`.")


@app.command()
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
    from monitoring_dagster.running import run_days

    watched = _monitor(monitor)
    failed = _or_fail(lambda: run_days(watched, first.date(), last.date(), replay=replay))
    for line in failed:
        typer.echo(line, err=True)
    raise typer.Exit(1 if failed else 0)


@app.command()
def measurements(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    metric: Annotated[str | None, typer.Option(help="Such as roc_auc.")] = None,
    column: Annotated[str | None, typer.Option(help="A column of the monitor.")] = None,
    segment: Annotated[
        str | None, typer.Option(help="Such as carrier=UA; `any` for every segment.")
    ] = "all",
    model_version: Annotated[str | None, typer.Option(help="`any` for every version.")] = "all",
    first: FirstDay = None,  # type: ignore[assignment] - typer turns it into an option
    last: LastDay = None,  # type: ignore[assignment] - as above
    output_format: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.")] = None,
) -> None:
    """Print what was measured."""
    from monitoring_dagster.reports import export
    from monitoring_dagster.store import Store

    settings = Settings.from_environment()
    table = _or_fail(
        lambda: Store(settings.store_url).measurements(
            monitor,
            metric=metric,
            column=column,
            segment=None if segment == "any" else segment,
            model_version=None if model_version == "any" else model_version,
            first_day=first.date() if first else None,
            last_day=last.date() if last else None,
        )
    )
    if output_format is Format.PARQUET and output is None:
        _fail("--format parquet needs --output FILE")
    if output is not None:
        output.write_bytes(export.as_bytes(table, output_format.value))
        typer.echo(f"{table.num_rows} measurements in {output}")
    elif output_format is Format.TABLE:
        _print_table(table)
    else:
        typer.echo(export.as_bytes(table, output_format.value).decode(), nl=False)


@app.command()
def doctor() -> None:
    """Say what is configured, reachable and writable; no secret is printed."""
    from monitoring_dagster.doctor import examine

    findings = examine(Settings.from_environment(), os.environ)
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_well else 'MEND'}  {finding.what}: {finding.text}")
    typer.echo("\nSettings (environment variables):")
    for name, meaning in MEANING.items():
        typer.echo(f"  {name:<34} {'set  ' if os.environ.get(name) else 'unset'}  {meaning}")
    raise typer.Exit(0 if all(f.is_well for f in findings) else 1)


@db.command()
def upgrade() -> None:
    """Bring the store's database to this code's revision."""
    from monitoring_dagster.store import Store

    store = Store(Settings.from_environment().store_url)
    _or_fail(store.upgrade)
    typer.echo(f"The store is at revision {store.revision()}.")


def _monitor(name: str) -> Monitor:
    from monitoring_dagster.monitors.loader import load_folder

    folder = Settings.from_environment().monitors
    loaded = load_folder(folder)
    if name not in loaded.monitors:
        problems = [str(problem) for problem in loaded.problems]
        known = ", ".join(sorted(loaded.monitors)) or "none"
        _fail("\n".join([*problems, f"no monitor {name!r} in {folder}; valid ones: {known}"]))
    return loaded.monitors[name]


def _print_table(table: pa.Table) -> None:
    from rich.console import Console
    from rich.table import Table

    from monitoring_dagster.reports.export import SHOWN

    shown = Table(box=None, header_style="bold")
    for name in SHOWN:
        shown.add_column(name)
    for row in table.select(SHOWN).to_pylist():
        shown.add_row(*[f"{v:.4f}" if isinstance(v, float) else str(v or "") for v in row.values()])
    Console(width=None if sys.stdout.isatty() else 200).print(shown)
    typer.echo(f"{table.num_rows} measurements")


def _or_fail(work: Any) -> Any:
    try:
        return work()
    except MonitoringError as error:
        _fail(str(error))


def _fail(text: str) -> None:
    typer.echo(text, err=True)
    raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with `arguments`, those of the process by default."""
    app(args=arguments)
