"""Commands about incidents: which there are, what is known of one, and what people do about it.

What an act does is `incidents.answering`; each leaves a trace with a name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitoring_dagster.commands import deployment, printing
from monitoring_dagster.commands.arguments import DAY, By, Format, actor, length, reason
from monitoring_dagster.commands.printing import fail, say
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

    from monitoring_dagster.incidents.desk import Desk
    from monitoring_dagster.incidents.incident import Incident
    from monitoring_dagster.incidents.samples import Sampled, Unsampled
    from monitoring_dagster.monitors.contract import Monitor
    from monitoring_dagster.store.incidents import Kept
    from monitoring_dagster.telemetry.lake import Lake

app = typer.Typer(help="What is wrong, and what people do about it.", no_args_is_help=True)

Ref = Annotated[str, typer.Argument(help="Its short name, such as MD-7F3A9C.")]
Hours = Annotated[float, typer.Option(help="For how long; at most 720, which are 30 days.")]


class Listing(StrEnum):
    """How incidents are listed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class Rows(StrEnum):
    """How rows of telemetry are printed."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


@app.command("list")
def listed(
    monitor: Annotated[str | None, typer.Option(help="Only those of one monitor.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones, too.")] = False,
    output_format: Annotated[Listing, typer.Option("--format")] = Listing.TABLE,
) -> None:
    """List what is open, the most urgent first."""
    from monitoring_dagster.incidents.rows import incident_of
    from monitoring_dagster.reports import incidents as pages
    from monitoring_dagster.store import incidents as stored

    is_open = None if everything else True
    kept = deployment.store().read(
        lambda connection: stored.listed(connection, monitor=monitor, is_open=is_open)
    )
    if monitor is not None and not kept:
        _refuse_unknown(monitor)
    found = pages.in_order(map(incident_of, kept))
    if output_format is not Listing.TABLE:
        printing.export(pages.table(found), Format(output_format.value), None, "incidents")
        return
    if found:
        printing.table(pages.HEADER, pages.rows(found), set(pages.HEADER) - {"days"})
    waiting = sum(incident.is_open for incident in found)
    say([f"{waiting} open" + (f", {len(found) - waiting} resolved" if everything else "")])


@app.command()
def show(ref: Ref) -> None:
    """Print everything that is known of an incident; rows of telemetry are only counted."""
    from monitoring_dagster.incidents import silences
    from monitoring_dagster.incidents.audience import Location
    from monitoring_dagster.incidents.desk import silence_of
    from monitoring_dagster.incidents.rows import events_of, incident_of
    from monitoring_dagster.reports import incidents as pages
    from monitoring_dagster.store import incidents as stored
    from monitoring_dagster.store import notices
    from monitoring_dagster.store import silences as kept_silences

    monitors, now = deployment.monitors(), deployment.now()

    def known(connection: sa.Connection) -> tuple[Incident, pages.Known]:
        kept = _kept(connection, ref)
        incident = incident_of(kept)
        audience = monitors.get(incident.monitor) or Location(incident.monitor)
        standing = map(silence_of, kept_silences.standing(connection))
        return incident, pages.Known(
            events_of(stored.events(connection, kept.id)),
            notices.of_incident(connection, kept.id),
            silences.muted(incident, standing, audience, now),
            _sample(monitors.get(incident.monitor), incident, now),
        )

    say(pages.detail(*deployment.store().read(known)))


@app.command()
def ack(ref: Ref, by: By = None) -> None:
    """Acknowledge it: somebody deals with it; nobody is reminded any more."""
    from monitoring_dagster.incidents import answering

    who = actor(by)
    _answer(ref, lambda desk, name: answering.acknowledge(desk, name, who))


@app.command()
def snooze(ref: Ref, hours: Hours, by: By = None) -> None:
    """Call nobody for it for a while."""
    from monitoring_dagster.incidents import answering

    who, passing = actor(by), length(hours)
    _answer(ref, lambda desk, name: answering.snooze(desk, name, desk.now + passing, who))


@app.command()
def resolve(
    ref: Ref, because: Annotated[str, typer.Option(help="Why it is over.")], by: By = None
) -> None:
    """Say that it is over; only a day that it has not seen brings it back."""
    from monitoring_dagster.incidents import answering

    who, why = actor(by), reason(because)
    _answer(ref, lambda desk, name: answering.resolve(desk, name, why, who))


@app.command()
def silence(
    monitor: Annotated[str, typer.Argument(help="Name of the monitor, with * for any part.")],
    hours: Hours,
    because: Annotated[str, typer.Option(help="Why; shown to whoever asks why nobody called.")],
    cause: Annotated[
        str, typer.Option(help="Such as inputs or segment:*; all of them by default.")
    ] = "*",
    by: By = None,
) -> None:
    """Call nobody for what matches for a while; incidents are opened and kept all the same."""
    who, why, lasting = actor(by), reason(because), length(hours)
    silenced = deployment.upkeep().silence(monitor, cause, lasting, by=who, because=why)
    ends = f"{silenced.ends_at:%Y-%m-%d %H:%M} UTC"
    what = f"{silenced.cause} of {silenced.monitor}"
    say([f"Silence {silenced.id}: nobody is called for {what} until {ends}."])
    say(["What is open then is told then."])


@app.command("silences")
def standing_silences() -> None:
    """List the silences that are not over."""
    from monitoring_dagster.incidents.desk import silence_of
    from monitoring_dagster.reports import incidents as pages
    from monitoring_dagster.store import silences as kept_silences

    found = deployment.store().read(
        lambda connection: [silence_of(row) for row in kept_silences.standing(connection)]
    )
    rows = pages.silences(found, deployment.now())
    if rows:
        printing.table(pages.SILENCE_HEADER, rows, set(pages.SILENCE_HEADER) - {"number"})
    say([f"{len(rows)} standing"])


@app.command()
def samples(
    ref: Ref,
    because: Annotated[str, typer.Option(help="Why you need to see them; kept in the audit log.")],
    by: By = None,
    day: Annotated[
        dt.date | None, typer.Option(help="Of the telemetry; the latest by default.", **DAY)
    ] = None,
    output_format: Annotated[Rows, typer.Option("--format")] = Rows.CSV,
    output: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.")] = None,
) -> None:
    """Print the rows of telemetry that show an incident; who sees them is kept in the audit log."""
    from monitoring_dagster.commands.arguments import refuse_format
    from monitoring_dagster.incidents.rows import incident_of
    from monitoring_dagster.store.audit import Entry, append

    kind = Format(output_format.value)
    refuse_format(kind, output)
    who, why, now = actor(by), reason(because), deployment.now()
    store = deployment.store()
    incident = store.read(lambda connection: incident_of(_kept(connection, ref)))
    rows = _rows(deployment.monitor_named(incident.monitor), incident, now, day)
    about = {"because": why, "monitor": incident.monitor, "rows": rows.num_rows}
    read = Entry(who, "samples.read", "incident", incident.ref, about)
    store.write(lambda connection: append(connection, [read], now))
    printing.export_privately(rows, kind, output, "rows")


def _answer(ref: str, act: Callable[[Desk, str], Incident]) -> None:
    from monitoring_dagster.notifications.root import standing

    after = deployment.upkeep().answer(_spelt(ref), act)
    say([f"{after.ref}: {standing(after) or after.status}. {after.title}"])


def _kept(connection: sa.Connection, ref: str) -> Kept:
    from monitoring_dagster.errors import IncidentUnknown
    from monitoring_dagster.store import incidents as stored

    kept = stored.by_ref(connection, _spelt(ref))
    if kept is None:
        raise IncidentUnknown(
            f"there is no incident {_spelt(ref)}; `monitoring-dagster incidents list --all` names "
            "all there are"
        )
    return kept


def _spelt(ref: str) -> str:
    """A short name as it is written: people copy it in any case."""
    return ref.strip().upper()


def _sample(
    monitor: Monitor | None, incident: Incident, now: dt.datetime
) -> Sampled | Unsampled | None:
    from monitoring_dagster.incidents import samples as sampling

    if monitor is None:
        return None
    today = now.astimezone(monitor.zone).date()
    return sampling.about(_lake(), monitor, incident, today=today)


def _rows(monitor: Monitor, incident: Incident, now: dt.datetime, day: dt.date | None) -> pa.Table:
    from monitoring_dagster.incidents import samples as sampling

    today = now.astimezone(monitor.zone).date()
    rows = sampling.read(_lake(), monitor, incident, today=today, day=day)
    if isinstance(rows, sampling.Unsampled):
        fail(rows.text)
    return rows


def _lake() -> Lake:
    from monitoring_dagster.telemetry.lake import Lake

    return Lake(Settings.from_environment().lake_url)


def _refuse_unknown(monitor: str) -> None:
    """Tell a monitor that is well from one that nobody has."""
    from monitoring_dagster.monitors.vocabulary import LOCATION
    from monitoring_dagster.reports import terminal

    known = [*deployment.monitors(), LOCATION]
    if monitor not in known:
        fail(f"there is no monitor {monitor!r}; {terminal.near(monitor, known)}")
