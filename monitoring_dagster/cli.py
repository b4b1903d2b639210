"""The same things for people at a terminal.

Commands translate arguments and print; the work is done where Dagster does it. Dagster and the
rooms are imported inside the commands, so that `--help` answers at once. They end with 0 when
all is well, with 1 when something has to be mended, with 2 when they were not understood.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import sys
import time
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from monitoring_dagster.errors import MonitoringError, in_words
from monitoring_dagster.settings import MEANING, Settings

if TYPE_CHECKING:
    import pyarrow as pa

    from monitoring_dagster.monitors.contract import Monitor
    from monitoring_dagster.store import Store


class Commands(TyperGroup):
    """Commands that tell in words what a user can mend; only our own mistakes show a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` names."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # the reader, such as `head`, has seen enough
        except (MonitoringError, OSError) as error:
            _fail(in_words(error))


app = typer.Typer(
    name="monitoring-dagster",
    cls=Commands,
    help="Watches machine-learning models in production.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="The store's database.", no_args_is_help=True)
app.add_typer(db, name="db")


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no day; required is one such as 2026-01-31"
        ) from None


_DAY: dict[str, Any] = {"parser": _day, "metavar": "YYYY-MM-DD"}
FirstDay = Annotated[dt.date, typer.Option("--from", help="First day.", **_DAY)]
LastDay = Annotated[dt.date, typer.Option("--to", help="Last day.", **_DAY)]


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


@app.command()
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
        _fail(f"{target} exists; remove it first, or give another --output")
    text = draft(sample, name, owner, base=settings.home)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    write_schema(target.parent)
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
    from monitoring_dagster.reports import terminal
    from monitoring_dagster.running import run_days
    from monitoring_dagster.store import Store

    failed = run_days(_monitor(monitor), first, last, replay=replay)
    if failed:
        _fail("\n".join(failed))
    store = Store(Settings.from_environment().store_url)
    for line in terminal.summary(store.reasons(monitor, first_day=first, last_day=last)):
        typer.echo(line)


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

    _refuse_format(output_format, output)
    settings = Settings.from_environment()
    if settings.is_untouched:
        _fail(f"nothing was measured yet; `monitoring-dagster run {monitor} ...` does")
    store = Store(settings.store_url)
    wanted = {
        "metric": metric,
        "column": column,
        "segment": None if segment == "any" else segment,
        "model_version": None if model_version == "any" else model_version,
    }
    table = store.measurements(monitor, first_day=first, last_day=last, **wanted)
    if not table.num_rows:
        _fail(_why_nothing(store, monitor, wanted))
    if output is not None:
        output.write_bytes(export.as_bytes(table, output_format.value))
        typer.echo(f"{table.num_rows} measurements in {output}")
    elif output_format is Format.TABLE:
        _print_table(table)
    else:
        typer.echo(export.as_bytes(table, output_format.value).decode(), nl=False)


@app.command()
def verdicts(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    level: Annotated[
        str | None, typer.Option(help="Such as critical; pages and warnings by default, or `any`.")
    ] = None,
    rule: Annotated[str | None, typer.Option(help="Such as drift or objective.")] = None,
    segment: Annotated[str, typer.Option(help="Such as carrier=UA; `any` for all.")] = "any",
    first: FirstDay = None,  # type: ignore[assignment] - typer turns it into an option
    last: LastDay = None,  # type: ignore[assignment] - as above
    output_format: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.")] = None,
) -> None:
    """Print what was decided: by default what alerts, day by day."""
    from monitoring_dagster.reports import export
    from monitoring_dagster.reports import verdicts as pages
    from monitoring_dagster.store import Store

    _refuse_format(output_format, output)
    _monitor(monitor)
    table = Store(Settings.from_environment().store_url).verdicts(
        monitor,
        rule=rule,
        level=None if level in (None, "any") else level,
        segment=None if segment == "any" else segment,
        first_day=first,
        last_day=last,
    )
    if level is None:
        table = pages.alerting(table)
    if output is not None:
        output.write_bytes(export.as_bytes(table, output_format.value))
        typer.echo(f"{table.num_rows} verdicts in {output}")
    elif output_format is Format.TABLE:
        for line in pages.by_day(table.to_pylist()):
            typer.echo(line)
    else:
        typer.echo(export.as_bytes(table, output_format.value).decode(), nl=False)


@app.command()
def accept(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    since: Annotated[dt.date, typer.Option(help="First day of the new normal.", **_DAY)],
    because: Annotated[str, typer.Option(help="Why it is normal; kept with the decision.")],
    by: Annotated[str | None, typer.Option(help="Who accepts it; the user by default.")] = None,
) -> None:
    """Accept what has been so since a day as normal; detectors start anew and learn it."""
    import getpass

    from monitoring_dagster.resources import Workplace
    from monitoring_dagster.store import NewNormal

    if not because.strip():
        raise typer.BadParameter("--because is empty; required is a reason that others understand")
    day = Workplace().day(_monitor(monitor))
    normal = NewNormal(since, because.strip(), by or getpass.getuser(), day.computed_at)
    judged = day.accept(normal)
    typer.echo(
        f"Accepted by {normal.accepted_by}: {monitor} is normal since {since}. "
        f"{len(judged)} days were judged anew, {judged[0].day} to {judged[-1].day}."
    )


@app.command()
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

    present = _monitor(monitor)
    loaded = documents.load(config)
    if loaded.problems:
        _fail("\n".join(str(problem) for problem in loaded.problems))
    if not config.is_file() or len(loaded.monitors) != 1:
        _fail(f"{config} is no document of one monitor; give the YAML file of the changed one")
    changed = next(iter(loaded.monitors.values()))
    day = Workplace().day(present)
    found = replay(day, changed, first or present.first_day, last or present.last_day or day.today)
    for line in pages.of_backtest(found):
        typer.echo(line)


@app.command()
def doctor(
    live: Annotated[
        bool,
        typer.Option("--live", help="Try Slack with a test message, which is deleted again."),
    ] = False,
) -> None:
    """Say what is configured, reachable and writable; no secret is printed."""
    from monitoring_dagster import doctor as examining
    from monitoring_dagster import doctor_alerts

    settings, clock = Settings.from_environment(), partial(dt.datetime.now, dt.UTC)
    findings = examining.examine(settings, os.environ, clock)
    if live:
        tried = doctor_alerts.rehearse(settings, os.environ, clock, time.sleep)
        findings = itertools.chain(findings, tried)
    are_well = True
    for finding in findings:
        typer.echo(f"{'ok  ' if finding.is_well else 'MEND'}  {finding.what}: {finding.text}")
        are_well &= finding.is_well
    typer.echo("\nSettings (environment variables):")
    for name, meaning in MEANING.items():
        typer.echo(f"  {name:<35} {'set  ' if os.environ.get(name) else 'unset'}  {meaning}")
    raise typer.Exit(0 if are_well else 1)


@app.command()
def retention(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor.")],
    drop: Annotated[bool, typer.Option("--drop", help="Drop it; otherwise it is listed.")] = False,
) -> None:
    """List what is past its retention, or drop it; the schedule drops it every night."""
    from monitoring_dagster.resources import Workplace

    day = Workplace().day(_monitor(monitor))
    for partition in day.drop_expired() if drop else day.expired():
        typer.echo(partition)


@db.command()
def upgrade() -> None:
    """Bring the store's database to this code's revision."""
    from monitoring_dagster.store import Store

    settings = Settings.from_environment()
    settings.made_home()
    store = Store(settings.store_url)
    store.upgrade()
    typer.echo(f"The store is at revision {store.revision()}.")


def _refuse_format(output_format: Format, output: Path | None) -> None:
    if output_format is Format.PARQUET and output is None:
        raise typer.BadParameter("--format parquet needs --output FILE")
    if output_format is Format.TABLE and output is not None:
        raise typer.BadParameter("--output needs --format csv, json or parquet")


def _monitor(name: str) -> Monitor:
    from monitoring_dagster import documents
    from monitoring_dagster.reports import terminal

    folder = Settings.from_environment().monitors
    loaded = documents.load(folder)
    if name not in loaded.monitors:
        problems = [str(problem) for problem in loaded.problems]
        advice = terminal.near(name, loaded.monitors)
        _fail("\n".join([*problems, f"no valid monitor {name!r} in {folder}; {advice}"]))
    return loaded.monitors[name]


def _why_nothing(store: Store, monitor: str, wanted: dict[str, str | None]) -> str:
    """Which part of a question has no answer, and what may have been meant."""
    from monitoring_dagster.reports import terminal

    known = store.known("monitor")
    if monitor not in known:
        return f"nothing was measured of a monitor {monitor!r}; {terminal.near(monitor, known)}"
    for name, value in wanted.items():
        known = store.known(name, monitor)
        if value is not None and value not in known:
            what = name.replace("_", " ")
            return f"nothing was measured of {what} {value!r}; {terminal.near(value, known)}"
    asked = ", ".join(f"{n} {v!r}" for n, v in wanted.items() if v is not None)
    days = store.known("day", monitor)
    return (
        f"{monitor} has no measurement with {asked} on these days; it has {days[0]} to {days[-1]}"
    )


def _print_table(table: pa.Table) -> None:
    from rich.console import Console
    from rich.table import Table

    from monitoring_dagster.reports import terminal

    listing = terminal.listing(table.to_pylist())
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in listing.header:
        if name in terminal.NAMING:
            shown.add_column(name, overflow="fold")
        else:
            shown.add_column(name, justify="right", no_wrap=True)
    for cells in listing.rows:
        shown.add_row(*cells)
    # A pipe has no width; what was measured holds no markup, whatever it looks like.
    width = None if sys.stdout.isatty() else 1_000
    console = Console(width=width, markup=False, highlight=False, emoji=False)
    unbounded = console.options.update(max_width=1_000)
    if console.measure(shown, options=unbounded).maximum > console.width:
        shown.padding = (0, 1, 0, 0)
    typer.echo(listing.heading)
    console.print(shown)
    for note in listing.notes:
        typer.echo(note)
    typer.echo(f"{table.num_rows} measurements")


def _fail(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with `arguments`, those of the process by default."""
    app(args=arguments)
