"""Context samples: up to a hundred raw rows of a day that show an incident, kept in the lake.

They lie beside the snapshots and expire with them. Beyond this module only the path and counts
are told: no row belongs in the store, a message, a log or metadata. Which rows: `sampling`.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

import pyarrow as pa

from monitoring_dagster.errors import SnapshotError
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.sampling.day import opened, sampled
from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.gains import Gain, gains
from monitoring_dagster.incidents.sampling.strata import AT_MOST, BECAUSE, Choice, Stratum, choose
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles import storage
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.parquet_file import ParquetFile, read_batches

__all__ = [
    "AT_MOST",
    "BECAUSE",
    "Focus",
    "Reason",
    "Sampled",
    "Stratum",
    "Unsampled",
    "about",
    "choose",
    "counts",
    "keep",
    "path",
    "read",
    "take",
    "taken",
]

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Sampled:
    """What may be told of a sample: where it lies, its rows, and rows per stratum."""

    path: str
    rows: int
    strata: Mapping[str, int]


class Reason(StrEnum):
    """Why there is no sample."""

    NO_SNAPSHOT = "no_snapshot"
    NO_ROWS = "no_rows"
    UNREADABLE = "unreadable"
    DAMAGED = "damaged"
    EXPIRED = "expired"
    NEVER_TAKEN = "never_taken"


@dataclass(frozen=True, slots=True)
class Unsampled:
    """There is no sample, and why; `text` says it in a sentence that holds no value of a row."""

    reason: Reason
    text: str


def take(
    monitor: Monitor,
    lake: Lake,
    reference: FrozenReference,
    incident: Incident,
    day: dt.date,
    *,
    at_most: int = AT_MOST,
) -> Sampled | Unsampled:
    """Choose the rows of `day` that show the incident, and keep them.

    Needs the day's snapshots and, for what is new in it, its stored profile. Taking a sample
    again replaces it: by the same bytes while snapshots, reference and incident are the same.

    Args:
        monitor: the document.
        lake: holds the snapshots and takes the sample.
        reference: tells what is new, and segments apart.
        incident: its cause and its signals say which rows are wanted.
        day: of the telemetry.
        at_most: rows of the sample.

    Returns:
        The sample's path and counts, or why there is none; a day that cannot be read never raises.
    """
    focus = Focus.of(incident, monitor)
    try:
        gained = _gained(monitor, lake, reference, focus, day)
        choice = Choice(monitor, reference.grid, focus, gained, f"{incident.ref}:{day}", at_most)
        table = _rows(monitor, lake, choice, day)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a day ends no evaluation
        # Texts of Arrow and DuckDB quote the values that they stumble over.
        text = f"the snapshots of {day} could not be read ({type(error).__name__})"
        return Unsampled(Reason.UNREADABLE, text)
    if isinstance(table, Unsampled):
        return table
    return Sampled(keep(lake, monitor, incident.ref, day, table), table.num_rows, counts(table))


def path(monitor: Monitor, ref: str, day: dt.date) -> str:
    """Where in the lake the sample of an incident and day lies.

    Raises:
        ValueError: `ref` is no reference of an incident.
    """
    if not _REF.fullmatch(ref):
        raise ValueError(f"{ref!r} is not the reference of an incident, such as MD-7F3A9C")
    return f"{monitor.name}/samples/{day.isoformat()}/{ref}.parquet"


def keep(lake: Lake, monitor: Monitor, ref: str, day: dt.date, table: pa.Table) -> str:
    """Write a sample, page checksums included; equal rows give equal bytes.

    Returns:
        Its path in the lake, below the folder of its day, which expires with the snapshots.

    Raises:
        ValueError: the table has no rows, or `ref` is no reference of an incident.
    """
    where = path(monitor, ref, day)
    with lake.scratch() as folder:
        file = ParquetFile(folder / "sample.parquet", table.schema)
        for batch in table.combine_chunks().to_batches():
            file.write(batch)
        written = file.close()
        if written is None:
            raise ValueError(f"the sample of {ref} on {day} has no rows; there is nothing to keep")
        lake.adopt(written, where)
    failpoint("samples.kept")
    return where


def read(
    lake: Lake,
    monitor: Monitor,
    incident: Incident,
    *,
    today: dt.date,
    day: dt.date | None = None,
) -> pa.Table | Unsampled:
    """The rows that were kept of an incident, or why there are none.

    Rows past their retention are not shown, also where nobody has swept the lake yet.

    Args:
        lake: where samples lie.
        monitor: says how long raw rows are kept.
        incident: whose sample.
        today: the clock, in the monitor's calendar.
        day: of the telemetry; the latest that was sampled where it is not given.
    """
    where = _where(lake, monitor, incident, today, day)
    return where if isinstance(where, Unsampled) else _content(lake, where, incident.ref)


def about(
    lake: Lake,
    monitor: Monitor,
    incident: Incident,
    *,
    today: dt.date,
    day: dt.date | None = None,
) -> Sampled | Unsampled:
    """What may be told of the rows that `read` gives: where they lie, and how many they are."""
    where = _where(lake, monitor, incident, today, day)
    if isinstance(where, Unsampled):
        return where
    table = _content(lake, where, incident.ref)
    return table if isinstance(table, Unsampled) else Sampled(where, table.num_rows, counts(table))


def taken(lake: Lake, monitor: Monitor) -> set[str]:
    """The names of the incidents of which a sample lies in the lake."""
    return {PurePosixPath(where).stem for where in lake.list(f"{monitor.name}/samples")}


def counts(table: pa.Table) -> dict[str, int]:
    """Rows per stratum of a sample, every stratum named."""
    found = Counter(table.column(BECAUSE).to_pylist())
    return {stratum.value: found[stratum.value] for stratum in Stratum}


def _rows(monitor: Monitor, lake: Lake, choice: Choice, day: dt.date) -> pa.Table | Unsampled:
    with ExitStack() as stack:
        requests, why = opened(monitor, lake, day, stack)
        if requests is None:
            return Unsampled(Reason.NO_SNAPSHOT, f"{day} cannot be sampled: {why}")
        table = sampled(requests, choice, lake)
    if table.num_rows:
        return table
    return Unsampled(Reason.NO_ROWS, f"no row of {day} lies in {_part(choice.focus)}")


def _gained(
    monitor: Monitor, lake: Lake, reference: FrozenReference, focus: Focus, day: dt.date
) -> tuple[Gain, ...]:
    try:
        profile = storage.read_profile(lake, monitor.name, day)
    except SnapshotError:
        # Damage is told where the profile is measured; rows can be shown without it.
        profile = None
    if profile is None:
        return ()
    return gains(monitor, reference.grid, reference.profile, profile, focus)


def _part(focus: Focus) -> str:
    """The part of the traffic that a sample is taken from, in words.

    >>> _part(Focus(segment="carrier=UA", version="3"))
    'carrier=UA of model version 3'
    """
    version = "" if focus.version == ALL else f" of model version {focus.version}"
    return f"{'the traffic' if focus.segment == ALL else focus.segment}{version}"


def _taken(lake: Lake, monitor: Monitor, ref: str) -> dict[dt.date, str]:
    """The samples of an incident that lie in the lake, by day."""
    found = [PurePosixPath(where) for where in lake.list(f"{monitor.name}/samples")]
    return {
        dt.date.fromisoformat(where.parent.name): str(where)
        for where in found
        if where.name == f"{ref}.parquet"
    }


def _where(
    lake: Lake, monitor: Monitor, incident: Incident, today: dt.date, day: dt.date | None
) -> str | Unsampled:
    """The path of the sample of a day, the latest by default, or why none may be shown."""
    ref = incident.ref
    kept_since = today - dt.timedelta(days=monitor.retention.snapshots_days)
    found = {d: where for d, where in _taken(lake, monitor, ref).items() if day in (None, d)}
    fresh = [d for d in found if d >= kept_since]
    if fresh:
        return found[max(fresh)]
    if found or (day or incident.last_day) < kept_since:
        days = monitor.retention.snapshots_days
        text = f"the sample of {ref} is gone with the raw rows of its day, kept for {days} days"
        return Unsampled(Reason.EXPIRED, text)
    when = "" if day is None else f" on {day}"
    return Unsampled(Reason.NEVER_TAKEN, f"no sample of {ref} was taken{when}")


def _content(lake: Lake, where: str, ref: str) -> pa.Table | Unsampled:
    try:
        with lake.local(where) as file:
            return pa.Table.from_batches(list(read_batches(file)))
    except (OSError, pa.ArrowException):
        text = f"the sample of {ref} is not what was written; take it again while its day is kept"
        return Unsampled(Reason.DAMAGED, text)
