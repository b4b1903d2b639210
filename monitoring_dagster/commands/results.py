"""Commands that print what came of days: measurements and verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitoring_dagster.commands import deployment, printing
from monitoring_dagster.commands.arguments import FirstDay, Format, LastDay, refuse_format
from monitoring_dagster.commands.printing import fail, say

if TYPE_CHECKING:
    import pyarrow as pa

    from monitoring_dagster.store import Store


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
    refuse_format(output_format, output)
    store = deployment.store(f"`monitoring-dagster run {monitor} ...` does")
    wanted = {
        "metric": metric,
        "column": column,
        "segment": None if segment == "any" else segment,
        "model_version": None if model_version == "any" else model_version,
    }
    table = store.measurements(monitor, first_day=first, last_day=last, **wanted)
    if not table.num_rows:
        fail(_why_nothing(store, monitor, wanted))
    if output_format is Format.TABLE:
        _print_table(table)
    else:
        printing.export(table, output_format, output, "measurements")


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
    from monitoring_dagster.reports import verdicts as pages

    refuse_format(output_format, output)
    deployment.monitor_named(monitor)
    store = deployment.store(f"`monitoring-dagster run {monitor} ...` does")
    table = store.verdicts(
        monitor,
        rule=rule,
        level=None if level in (None, "any") else level,
        segment=None if segment == "any" else segment,
        first_day=first,
        last_day=last,
    )
    if level is None:
        table = pages.alerting(table)
    if output_format is Format.TABLE:
        say(pages.by_day(table.to_pylist()))
    else:
        printing.export(table, output_format, output, "verdicts")


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
    from monitoring_dagster.reports import terminal

    listing = terminal.listing(table.to_pylist())
    say([listing.heading])
    printing.table(listing.header, listing.rows, terminal.NAMING)
    say(listing.notes)
    say([f"{table.num_rows} measurements"])
