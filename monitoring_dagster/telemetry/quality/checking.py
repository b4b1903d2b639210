"""Checks the snapshots of one day, each once, and keeps the report in the lake.

What is expected is `implied`, how values are evaluated `validation`, what follows `report`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from monitoring_dagster.errors import SnapshotCorrupt
from monitoring_dagster.monitors.contract import Expectation, Kind, Monitor, content_hash
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.quality.frame import read_frame
from monitoring_dagster.telemetry.quality.outcomes import (
    DAMAGED,
    absent_outcome,
    answered,
    damaged_outcome,
    not_run,
    row_count_outcome,
    snapshot_outcome,
)
from monitoring_dagster.telemetry.quality.report import (
    SNAPSHOT,
    CheckOutcome,
    QualityReport,
    condemned_columns,
    condemned_day,
    condemned_kinds,
)
from monitoring_dagster.telemetry.quality.validation import Answer, validate

VERSION = "1"
"""Raised when the same snapshot and expectations would give another outcome."""


def check(
    monitor: Monitor,
    day: dt.date,
    manifests: Mapping[Kind, Manifest],
    expectations: Sequence[Expectation],
    *,
    lake: Lake,
    reference: str,
) -> QualityReport:
    """Check the day's snapshots, or return the report of when the same was checked before.

    Args:
        monitor: The monitor.
        day: The day of the snapshots.
        manifests: The snapshots that were taken; a kind that is absent is not checked.
        expectations: What to check, from `expectations(...)`.
        lake: Holds the snapshots, and the report in `{monitor}/quality/{day}.json`.
        reference: Identity of the frozen reference that expectations were learned from.

    Returns:
        The report. Bad data never raises; a damaged snapshot is a failed outcome, and is looked
        at again the next time.
    """
    path = f"{monitor.name}/quality/{day.isoformat()}.json"
    kinds = [kind for kind in Kind if kind in manifests]
    by_kind = {kind: [e for e in expectations if e.kind is kind] for kind in kinds}
    wanted = {kind: _identity(monitor, manifests[kind], by_kind[kind]) for kind in kinds}
    fingerprint = _fingerprint(reference, wanted)
    stored = _stored(lake, path)
    if stored is not None and stored.fingerprint == fingerprint:
        return stored
    outcomes: list[CheckOutcome] = []
    checked: dict[Kind, str] = {}
    for kind in kinds:
        if stored is not None and stored.checked.get(kind) == wanted[kind]:
            found = [o for o in stored.outcomes if o.kind is kind]
        else:
            found = _check_snapshot(monitor, manifests[kind], by_kind[kind], lake)
        outcomes += found
        if not _is_damaged(found):
            checked[kind] = wanted[kind]
    report = _report(monitor, day, reference, checked, outcomes)
    lake.write(path, report.model_dump_json(indent=1).encode() + b"\n")
    return report


def _identity(monitor: Monitor, manifest: Manifest, expectations: Sequence[Expectation]) -> str:
    return content_hash(
        {
            "version": VERSION,
            "snapshot": [manifest.status, manifest.reason, manifest.sha256, manifest.rows],
            "maturity": manifest.maturity,
            "columns": {n: s.status for n, s in manifest.columns.items() if s.status != "ok"},
            "expectations": [e.model_dump(mode="json") for e in expectations],
            "types": {n: c.stored_type for n, c in monitor.columns_of(manifest.kind).items()},
            "max_rows": monitor.quality.max_rows,
        }
    )


def _fingerprint(reference: str, checked: Mapping[Kind, str]) -> str:
    return content_hash([reference, {kind.value: identity for kind, identity in checked.items()}])


def _stored(lake: Lake, path: str) -> QualityReport | None:
    try:
        return QualityReport.model_validate_json(lake.read(path))
    except (FileNotFoundError, ValidationError):
        return None  # a report of another release is made anew


def _report(
    monitor: Monitor,
    day: dt.date,
    reference: str,
    checked: dict[Kind, str],
    outcomes: list[CheckOutcome],
) -> QualityReport:
    kinds = condemned_kinds(outcomes)
    return QualityReport(
        monitor=monitor.name,
        day=day,
        fingerprint=_fingerprint(reference, checked),
        reference=reference,
        checked=checked,
        outcomes=outcomes,
        condemned_columns=condemned_columns(monitor, outcomes, kinds),
        condemned_kinds=kinds,
        condemned_day=condemned_day(monitor, outcomes, kinds),
    )


def _check_snapshot(
    monitor: Monitor, manifest: Manifest, expectations: Sequence[Expectation], lake: Lake
) -> list[CheckOutcome]:
    taken = snapshot_outcome(manifest)
    if taken.result != "passed":
        why = f"there is no snapshot ({manifest.reason})"
        return [taken, *(not_run(e, why) for e in expectations)]
    absent = {n: s for n, s in manifest.columns.items() if s.status != "ok"}
    of_values = [e for e in expectations if e.column is not None and e.column not in absent]
    try:
        answers, sampled = _answers(monitor, manifest, of_values, lake)
    except SnapshotCorrupt as error:
        why = "the snapshot is damaged"
        return [damaged_outcome(manifest, error), *(not_run(e, why) for e in expectations)]
    outcomes = [taken, *(absent_outcome(manifest.kind, n, s) for n, s in absent.items())]
    for expectation in expectations:
        if expectation.column is None:
            outcomes.append(row_count_outcome(expectation, manifest.rows))
        elif expectation.column in absent:
            outcomes.append(not_run(expectation, "the column is not there"))
        else:
            outcomes.append(answered(expectation, next(answers), sampled=sampled))
    return outcomes


def _answers(
    monitor: Monitor, manifest: Manifest, expectations: Sequence[Expectation], lake: Lake
) -> tuple[Iterator[Answer], bool]:
    """Answers in the order of the expectations, and whether rows were sampled."""
    if not expectations:
        return iter(()), False
    columns = list(dict.fromkeys(str(e.column) for e in expectations))
    with snapshots.data(lake, manifest) as path:
        frame = read_frame(path, columns, max_rows=monitor.quality.max_rows)
    declared = monitor.columns_of(manifest.kind)
    return iter(validate(frame.rows, expectations, declared)), frame.step > 1


def _is_damaged(outcomes: Sequence[CheckOutcome]) -> bool:
    return any(o.expect == SNAPSHOT and o.observed == DAMAGED for o in outcomes)
