"""Arrivals: a day of labels as they arrived, kept as they came and indexed by prediction day.

Each day of arrivals is read from its source once, so that finding what changed costs only what
is new. What becomes of the labels of one prediction day is `arrived_labels`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, Field

from monitoring_dagster.errors import SourceError
from monitoring_dagster.monitors.calendar import days_between, window
from monitoring_dagster.monitors.contract import Kind, Role
from monitoring_dagster.telemetry import matching
from monitoring_dagster.telemetry.commit import (
    blank_manifest,
    commit,
    from_draft,
    has_vanished,
    is_current,
)
from monitoring_dagster.telemetry.duckdb_session import session
from monitoring_dagster.telemetry.ingest import ingest
from monitoring_dagster.telemetry.label_reader import LabelReader
from monitoring_dagster.telemetry.manifest import (
    Manifest,
    quarantine_folder,
    read_manifest,
    verified,
)
from monitoring_dagster.telemetry.matching import Share
from monitoring_dagster.telemetry.sources import version_of

INDEX = "index.json"


class Entry(BaseModel):
    """The share of one day of arrivals in one day of predictions, and which predictions."""

    predictions: str
    rows: int
    digest: str | None
    known_until: dt.datetime | None
    next_known_at: dt.datetime | None

    def share(self) -> Share:
        """As `matching` says it."""
        return Share(self.rows, self.digest, self.known_until, self.next_known_at)


class Index(BaseModel):
    """What one stored day of arrivals says about which days of predictions."""

    arrivals: str
    days: dict[dt.date, Entry] = Field(default_factory=dict)


class Arrivals:
    """The days of arrival of one monitor, as `reader` sees them."""

    def __init__(self, reader: LabelReader) -> None:
        self._reader = reader
        self._manifests: dict[dt.date, Manifest | None] = {}

    def days_for(self, day: dt.date) -> list[dt.date]:
        """Days on which accepted labels of the predictions of `day` can have arrived by now."""
        reader = self._reader
        last = reader.as_of.astimezone(reader.monitor.zone).date()
        if reader.monitor.the(Role.TIMESTAMP, Kind.LABELS) is None:
            # Labels without a time are known once the day of their arrival is over.
            last -= dt.timedelta(days=1)
        return days_between(day, min(day + reader.span, last))

    def folder(self, arrived: dt.date) -> str:
        """Where one day of arrivals lies in the lake."""
        return f"{self._reader.monitor.name}/label_arrivals/{arrived.isoformat()}"

    def stored(self, arrived: dt.date) -> tuple[Manifest | None, SourceError | None]:
        """A day of arrivals as the lake keeps it, read anew if its source changed.

        Returns:
            The manifest (None when nothing arrived), and why its source cannot be read.
        """
        where = self.folder(arrived)
        previous = read_manifest(self._reader.lake, where)
        try:
            return self._refreshed(arrived, where, previous), None
        except SourceError as error:
            return previous, error

    def open(self, arrived: dt.date, manifest: Manifest) -> contextlib.AbstractContextManager[Path]:
        """The stored rows of a day of arrivals, checksum verified."""
        return verified(self._reader.lake, self.folder(arrived), manifest)

    def shares(self, arrived: dt.date, manifest: Manifest) -> dict[dt.date, Share]:
        """What a day of arrivals says about each day of predictions, from the index if it can."""
        where = f"{self.folder(arrived)}/{INDEX}"
        index = self._index(where, str(manifest.sha256))
        taken = self._predictions(self._days_of(arrived))
        stale = {
            day: predictions
            for day, predictions in taken.items()
            if not self._is_current(index.days.get(day), predictions)
        }
        if stale:
            index.days.update(self._asked(arrived, manifest, stale))
            index.days = {day: entry for day, entry in index.days.items() if day in taken}
            self._reader.lake.write(where, index.model_dump_json().encode())
        return {day: index.days[day].share() for day in taken}

    @contextlib.contextmanager
    def predictions_of(self, arrived: dt.date) -> Iterator[list[list[Path]]]:
        """Predictions that accept the labels of a day of arrivals, in groups by their age.

        Most labels are about the last days: the older groups are only needed for what is left.
        """
        days = self._days_of(arrived)[::-1]
        taken = self._predictions(days)
        with contextlib.ExitStack() as stack:
            yield [
                [stack.enter_context(self._local(taken[d])) for d in part if d in taken]
                for part in (days[:1], days[1:4], days[4:])
            ]

    def _refreshed(
        self, arrived: dt.date, where: str, previous: Manifest | None
    ) -> Manifest | None:
        reader = self._reader
        monitor, lake, source = reader.monitor, reader.lake, reader.labels.source
        span = window(monitor, arrived)
        version = version_of(source, monitor, Kind.LABELS, span, access=reader.access)
        blank = blank_manifest(monitor, Kind.LABELS, arrived, reader.as_of, reader.pseudonyms)
        if version is None or (
            previous is not None and is_current(lake, where, previous, version, blank)
        ):
            return previous
        with lake.exclusive(where), lake.scratch() as scratch:
            draft = ingest(
                monitor,
                Kind.LABELS,
                span,
                source=source,
                access=reader.access,
                as_of=None,
                pseudonyms=reader.pseudonyms,
                scratch=scratch,
            )
            found = from_draft(draft, blank)
            if has_vanished(found) and previous is not None and previous.status == "ok":
                return previous
            return commit(
                lake,
                where,
                found,
                data=draft.data,
                quarantine=draft.quarantine,
                quarantine_folder=quarantine_folder(monitor.name, Kind.LABELS, arrived),
            )

    def _days_of(self, arrived: dt.date) -> list[dt.date]:
        """Days whose predictions accept the labels that arrived on a day."""
        return days_between(arrived - self._reader.span, arrived)

    def _index(self, where: str, arrivals: str) -> Index:
        """The stored index, if it is about the rows that are stored."""
        try:
            index = Index.model_validate_json(self._reader.lake.read(where))
        except (FileNotFoundError, ValueError):  # an index can always be made again
            return Index(arrivals=arrivals)
        return index if index.arrivals == arrivals else Index(arrivals=arrivals)

    def _is_current(self, entry: Entry | None, predictions: Manifest) -> bool:
        return (
            entry is not None
            and entry.predictions == predictions.sha256
            and entry.share().holds(self._reader.as_of)
        )

    def _asked(
        self, arrived: dt.date, manifest: Manifest, days: Mapping[dt.date, Manifest]
    ) -> dict[dt.date, Entry]:
        reader = self._reader
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self.open(arrived, manifest))
            predictions = {d: stack.enter_context(self._local(m)) for d, m in days.items()}
            scratch = stack.enter_context(reader.lake.scratch())
            asked = matching.shares(
                stack.enter_context(session(scratch, [file, *predictions.values()])),
                reader.monitor,
                file,
                predictions,
                {day: reader.accepted_before(day) for day in days},
                as_of=reader.as_of,
            )
        return {
            day: Entry(
                predictions=str(days[day].sha256),
                rows=share.rows,
                digest=share.digest,
                known_until=share.known_until,
                next_known_at=share.next_known_at,
            )
            for day, share in asked.items()
        }

    def _predictions(self, days: Sequence[dt.date]) -> dict[dt.date, Manifest]:
        """Manifests of the days whose predictions have a snapshot."""
        reader = self._reader
        for day in days:
            if day not in self._manifests:  # each is asked for once per day of arrivals
                path = reader.predictions_folder(day)
                self._manifests[day] = read_manifest(reader.lake, path)
        found = {day: self._manifests[day] for day in days}
        return {d: m for d, m in found.items() if m is not None and m.status == "ok"}

    @contextlib.contextmanager
    def _local(self, predictions: Manifest) -> Iterator[Path]:
        folder = self._reader.predictions_folder(predictions.day)
        with self._reader.lake.local(f"{folder}/{predictions.file}") as path:
            yield path
