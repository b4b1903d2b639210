"""Labels whose source is filed by the day of the prediction: one place to look for each day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

from monitoring_dagster.errors import SourceError
from monitoring_dagster.monitors.calendar import window
from monitoring_dagster.monitors.contract import Kind, content_hash
from monitoring_dagster.telemetry import matching
from monitoring_dagster.telemetry.commit import (
    commit,
    from_draft,
    from_error,
    has_vanished,
    is_current,
    kept,
)
from monitoring_dagster.telemetry.duckdb_session import session
from monitoring_dagster.telemetry.ingest import Draft, ingest
from monitoring_dagster.telemetry.label_reader import LabelReader, resolved
from monitoring_dagster.telemetry.manifest import (
    Manifest,
    quarantine_folder,
    read_manifest,
    verified,
)
from monitoring_dagster.telemetry.sources import version_of


class FiledLabels(LabelReader):
    """See `LabelReader`."""

    def take(self, day: dt.date, blank: Manifest, predictions: Manifest) -> Manifest:
        """Read the day's labels and keep those of its predictions that are known."""
        previous = read_manifest(self.lake, self.folder(day))
        version: str | None = None
        with self.lake.scratch() as scratch:
            try:
                version = self._version_of(day)
                if previous is not None and self._holds(previous, blank, version):
                    return self._again(previous, blank)
                draft = self._ingest(day, scratch)
            except SourceError as error:
                if previous is not None and previous.status == "ok":
                    return kept(self._again(previous, blank), str(error))
                return self._commit(day, from_error(error, blank, version))
            found = from_draft(draft, blank)
            if has_vanished(found) and previous is not None and previous.status == "ok":
                return kept(self._again(previous, blank), found.detail)
            data = None
            if draft.data is not None:
                found, data = self._matched(day, draft.data, found, predictions, scratch)
            return self._commit(day, found, data, draft)

    def changed(
        self, predictions: Mapping[dt.date, str], held: Mapping[dt.date, Manifest | None]
    ) -> dict[dt.date, str]:
        """Days whose source, predictions or known labels are not what was taken."""
        found: dict[dt.date, str] = {}
        for day, snapshot in predictions.items():
            manifest = held[day]
            try:
                version = self._version_of(day)
            except SourceError:
                continue  # taking the day says what is wrong; nothing is known to have changed
            if version is None:
                continue
            crossed = ""
            if manifest is not None:
                crossed = _crossed(manifest, self.as_of)
                if (
                    not crossed
                    and manifest.source_version == version
                    and manifest.predictions == snapshot
                ):
                    continue
            found[day] = content_hash([snapshot, version, crossed])
        return found

    def _holds(self, previous: Manifest, blank: Manifest, version: str | None) -> bool:
        return (
            is_current(self.lake, self.folder(previous.day), previous, version, blank)
            and previous.predictions == blank.predictions
            and not _crossed(previous, self.as_of)
        )

    def _version_of(self, day: dt.date) -> str | None:
        span = window(self.monitor, day)
        source = self.labels.source
        return version_of(source, self.monitor, Kind.LABELS, span, access=self.access)

    def _ingest(self, day: dt.date, scratch: Path) -> Draft:
        return ingest(
            self.monitor,
            Kind.LABELS,
            window(self.monitor, day),
            source=self.labels.source,
            access=self.access,
            as_of=None,
            pseudonyms=self.pseudonyms,
            scratch=scratch,
        )

    def _matched(
        self, day: dt.date, labels: Path, found: Manifest, predictions: Manifest, scratch: Path
    ) -> tuple[Manifest, Path | None]:
        known = {"as_of": self.as_of, "accepted_before": self.accepted_before(day)}
        with (
            verified(self.lake, self.predictions_folder(day), predictions) as path,
            session(scratch, [labels, path]) as connection,
        ):
            matched = matching.match(connection, self.monitor, [labels], path, **known)
            orphans = matching.count_orphans(connection, self.monitor, labels, [[path]], **known)
        data = self.write([labels], matched, scratch)
        return resolved(found.model_copy(update={"orphans": orphans}), matched, data), data

    def _again(self, previous: Manifest, blank: Manifest) -> Manifest:
        """What is stored stays, but time may have made the day final."""
        found = previous.model_copy(update={"maturity": blank.maturity})
        return self._commit(previous.day, found)

    def _commit(
        self, day: dt.date, found: Manifest, data: Path | None = None, draft: Draft | None = None
    ) -> Manifest:
        return commit(
            self.lake,
            self.folder(day),
            found,
            data=data,
            quarantine=None if draft is None else draft.quarantine,
            quarantine_folder=quarantine_folder(self.monitor.name, Kind.LABELS, day),
        )


def _crossed(manifest: Manifest, as_of: dt.datetime) -> str:
    """The arrival that makes the known labels others than those that are held, if any."""
    if manifest.next_known_at is not None:
        following = dt.datetime.fromisoformat(manifest.next_known_at)
        if following <= as_of:
            return manifest.next_known_at
    if manifest.known_until is not None:
        latest = dt.datetime.fromisoformat(manifest.known_until)
        if as_of < latest:
            return manifest.known_until
    return ""
