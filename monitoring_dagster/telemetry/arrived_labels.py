"""Labels whose source is filed by the day of their arrival: any later day may hold some.

The days of arrival themselves are kept by `arrivals`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from monitoring_dagster.errors import SourceError, SourceGrowing
from monitoring_dagster.monitors.contract import content_hash
from monitoring_dagster.telemetry import matching
from monitoring_dagster.telemetry.arrivals import Arrivals
from monitoring_dagster.telemetry.commit import commit
from monitoring_dagster.telemetry.duckdb_session import session
from monitoring_dagster.telemetry.label_reader import LabelReader, merged_states, resolved
from monitoring_dagster.telemetry.manifest import Manifest, read_manifest, verified
from monitoring_dagster.telemetry.matching import Matched, Share

_MAX_PROBLEMS = 3
_NEVER = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)


class ArrivedLabels(LabelReader):
    """See `LabelReader`.

    What cannot be told by prediction day is counted on the day of arrival: the manifest of a
    day counts the refused rows and the orphans among the labels that arrived on that day.
    """

    def take(self, day: dt.date, blank: Manifest, predictions: Manifest) -> Manifest:
        """Bring the days of arrival up to date and keep what they say about `day`."""
        arrivals = Arrivals(self)
        usable: dict[dt.date, Manifest] = {}
        problems: list[str] = []
        for arrived in arrivals.days_for(day):
            manifest, error = arrivals.stored(arrived)
            problems += _problems(arrived, manifest, error)
            if manifest is not None and manifest.status == "ok":
                usable[arrived] = manifest
            if manifest is not None and arrived == day:
                blank = blank.model_copy(update=_of_arrivals(manifest))
        with contextlib.ExitStack() as stack:
            files = [stack.enter_context(arrivals.open(a, m)) for a, m in usable.items()]
            scratch = stack.enter_context(self.lake.scratch())
            matched = Matched([], [], 0, 0)
            if files:
                where = self.predictions_folder(day)
                path = stack.enter_context(verified(self.lake, where, predictions))
                groups = stack.enter_context(arrivals.predictions_of(day))
                everything = [*files, path, *(p for group in groups for p in group)]
                connection = stack.enter_context(session(scratch, everything))
                matched = matching.match(
                    connection,
                    self.monitor,
                    files,
                    path,
                    as_of=self.as_of,
                    accepted_before=self.accepted_before(day),
                )
                if day in usable:
                    orphans = matching.count_orphans(
                        connection,
                        self.monitor,
                        files[0],
                        groups,
                        as_of=self.as_of,
                        accepted_before=_NEVER,
                    )
                    blank = blank.model_copy(update={"orphans": orphans})
            shares = dict(zip(usable, matched.shares, strict=True))
            version = _version(str(predictions.sha256), shares)
            blank = blank.model_copy(
                update={"source_version": version, "columns": merged_states([*usable.values()])}
            )
            previous = read_manifest(self.lake, self.folder(day))
            data = None
            if previous is not None and _is_same(previous, blank):
                found = resolved(blank, matched, None).model_copy(update=_stored(previous))
            else:
                data = self.write(files, matched, scratch)
                found = resolved(blank, matched, data)
            return commit(
                self.lake,
                self.folder(day),
                _with_problems(found, problems),
                data=data,
                quarantine=None,
                quarantine_folder=None,
            )

    def changed(
        self, predictions: Mapping[dt.date, str], held: Mapping[dt.date, Manifest | None]
    ) -> dict[dt.date, str]:
        """Days about which the days of arrival say something else than what was taken."""
        arrivals = Arrivals(self)
        shares: dict[dt.date, dict[dt.date, Share]] = defaultdict(dict)
        for arrived in sorted({a for day in predictions for a in arrivals.days_for(day)}):
            manifest, _ = arrivals.stored(arrived)
            if manifest is not None and manifest.status == "ok":
                for day, share in arrivals.shares(arrived, manifest).items():
                    shares[day][arrived] = share
        found: dict[dt.date, str] = {}
        for day, snapshot in predictions.items():
            manifest = held[day]
            version = _version(snapshot, shares[day])
            rows = sum(share.rows for share in shares[day].values())
            held_rows = 0 if manifest is None else manifest.rows
            held_version = None if manifest is None else manifest.source_version
            if version != held_version and rows + held_rows > 0:
                found[day] = version
        return found


def _of_arrivals(manifest: Manifest) -> dict[str, object]:
    """What the labels that arrived on the day itself add to its manifest."""
    return {
        name: getattr(manifest, name)
        for name in ("undeclared", "undeclared_count", "quarantined", "quarantine_file")
    }


def _version(predictions: str, shares: Mapping[dt.date, Share]) -> str:
    """What the labels of a day are made of: equal exactly when taking it gives the same."""
    parts = [[str(a), share.digest] for a, share in sorted(shares.items()) if share.rows]
    return content_hash([predictions, parts])


def _is_same(previous: Manifest, new: Manifest) -> bool:
    return (
        previous.status == "ok"
        and previous.source_version == new.source_version
        and previous.contract_hash == new.contract_hash
    )


def _stored(previous: Manifest) -> dict[str, object]:
    """The part of a manifest that describes its file."""
    return {
        name: getattr(previous, name) for name in ("file", "sha256", "bytes", "rows", "columns")
    }


def _problems(
    arrived: dt.date, manifest: Manifest | None, error: SourceError | None
) -> Sequence[str]:
    if error is not None and not isinstance(error, SourceGrowing):
        return [f"labels that arrived on {arrived}: {error}"]
    if manifest is not None and manifest.status == "error":
        return [f"labels that arrived on {arrived}: {manifest.detail}"]
    return []


def _with_problems(found: Manifest, problems: Sequence[str]) -> Manifest:
    """Say which days of arrival could not be used; a day without any label is an error then."""
    if not problems:
        return found
    update: dict[str, object] = {"detail": "; ".join(problems[:_MAX_PROBLEMS])}
    if found.status != "ok":
        update |= {"status": "error", "reason": "source_unreadable"}
    return found.model_copy(update=update)
