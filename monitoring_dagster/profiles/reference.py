"""The reference: taken once, counted on its own grid, and frozen.

Freezing reads the reference's days, learns the grid and keeps every count; from then on the
sources are never asked again. Which cells there are is `freezing`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from monitoring_dagster.errors import (
    ReferenceMissing,
    ReferenceUnusable,
    SnapshotCorrupt,
    SnapshotError,
)
from monitoring_dagster.monitors.calendar import days_between, window
from monitoring_dagster.monitors.contract import Kind, Monitor, Reference, content_hash
from monitoring_dagster.profiles import engine, storage
from monitoring_dagster.profiles.day_snapshots import DaySnapshots
from monitoring_dagster.profiles.freezing import freeze_grid
from monitoring_dagster.profiles.grid import CategoryCells, Cells, Grid, NumericCells
from monitoring_dagster.profiles.outcomes import Outcomes
from monitoring_dagster.profiles.profile import EVERYTHING, Profile
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access

ALGORITHM_VERSION = "1"
"""Raised when the same reference would freeze into another grid or other counts."""

_SHAPING = {
    "role",
    "type",
    "privacy",
    "kinds",
    "source_name",
    "class_label",
    "unit",
    "ok_values",
    "time_zone",
}

T = TypeVar("T")


class RescoredReference(Reference):
    """A reference that no document holds: days of production, answered by a later champion.

    `model_version` answered them, `left_out` are days of the window that do not count.
    """

    model_version: str
    left_out: tuple[dt.date, ...] = ()


@dataclass(frozen=True)
class FrozenReference:
    """What the model was validated on, as counts.

    `days` and `daily_outcomes` hold the reference's days that had rows; they are read from the
    lake when asked for, so keep what you take from them. `outcomes` is None when no prediction
    of the reference has a label. `rows` counts the traffic, `created_at` is the instant as of
    which the reference was taken, and `unusable` says why days have no rows.
    """

    id: str
    grid: Grid
    profile: Profile
    outcomes: Outcomes | None
    days: Mapping[dt.date, Profile]
    daily_outcomes: Mapping[dt.date, Outcomes]
    target_mean: float
    rows: int
    created_at: dt.datetime
    unusable: Mapping[dt.date, str]


class StoredDays(Mapping[dt.date, T]):
    """Counts per day that stay in the lake until one is asked for.

    A year of days with hundreds of segments does not fit into memory; one always does.
    """

    def __init__(self, days: Mapping[dt.date, str], read: Callable[[str], T]) -> None:
        self._paths = dict(days)
        self._read = read

    def __getitem__(self, day: dt.date) -> T:
        return self._read(self._paths[day])

    def __iter__(self) -> Iterator[dt.date]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def reference_id(monitor: Monitor) -> str:
    """Hash of those parts of the document that shape the reference.

    Editing an SLO, a schedule or production's sources leaves it as it is.
    """
    document = monitor.model_dump(mode="json")
    model = document["model"]
    return content_hash(
        {
            "algorithm": ALGORITHM_VERSION,
            "columns": {
                name: {part: column[part] for part in sorted(_SHAPING)}
                for name, column in document["columns"].items()
            },
            "order": list(document["columns"]),
            "model": {k: model[k] for k in ("task", "threshold", "positive_label", "classes")},
            "segments": [[s["columns"], s["max_values"]] for s in document["segments"]],
            # Its own dump, since that of the document knows no more than documents may say.
            "reference": monitor.reference.model_dump(mode="json"),
            "time_zone": document["time_zone"],
        }
    )


def freeze(
    monitor: Monitor,
    *,
    lake: Lake,
    access: Access,
    pseudonyms: Pseudonyms,
    as_of: dt.datetime,
) -> FrozenReference:
    """Freeze the reference of this document, or load it when that was done before.

    Args:
        monitor: the document.
        lake: keeps the reference's snapshots and counts.
        access: what may be read from the sources.
        pseudonyms: replace direct identifiers.
        as_of: the clock; labels that come later are not part of the reference.

    Raises:
        ReferenceUnusable: no day of the reference has rows.
    """
    where = folder(monitor)
    with lake.exclusive(where):
        if is_frozen(lake, monitor):
            return load(lake, monitor)
        manifests = _manifests(monitor, lake, access, pseudonyms, as_of)
        with ExitStack() as opened, lake.scratch() as scratch:
            days: dict[dt.date, DaySnapshots] = {}
            unusable: dict[dt.date, str] = {}
            for day, found in manifests.items():
                snapshot, why = open_day(monitor, day, found, lake, opened)
                if snapshot.traffic_kind is None:
                    unusable[day] = why
                else:
                    days[day] = snapshot
            if not days:
                raise ReferenceUnusable(_nothing(monitor, unusable))
            grid, mean = freeze_grid(monitor, list(days.values()), scratch=scratch)
            described = {
                "id": reference_id(monitor),
                "created_at": as_of.isoformat(),
                "target_mean": mean,
                "unusable": {day.isoformat(): why for day, why in sorted(unusable.items())},
            }
            rows = _count_profiles(monitor, grid, days, lake, where, scratch)
            labelled = _count_outcomes(monitor, grid, days, mean, lake, where, scratch)
        described |= {
            "rows": rows,
            "days": [day.isoformat() for day in days],
            "labelled_days": [day.isoformat() for day in labelled],
        }
        lake.write(f"{where}/grid.json", _json(_grid_document(grid)))
        # Written last: a reference without this file was never frozen.
        lake.write(f"{where}/reference.json", _json(described))
    return load(lake, monitor)


def load(lake: Lake, monitor: Monitor) -> FrozenReference:
    """The frozen reference of this document.

    Raises:
        ReferenceMissing: it was never frozen.
        SnapshotCorrupt: a file of it is not what was written.
    """
    where = folder(monitor)
    try:
        described = _document(lake, f"{where}/reference.json")
    except FileNotFoundError:
        raise ReferenceMissing(
            f"the reference of monitor {monitor.name} ({monitor.reference.first_day} to "
            f"{monitor.reference.last_day}) is not frozen for this version of its document; "
            f"materialise the asset [{monitor.name}, reference]"
        ) from None
    labelled = [dt.date.fromisoformat(day) for day in described["labelled_days"]]
    days = [dt.date.fromisoformat(day) for day in described["days"]]

    def profile(path: str) -> Profile:
        return storage.profile_from_bytes(lake.read(path), path)

    def outcomes(path: str) -> Outcomes:
        return storage.outcomes_from_bytes(lake.read(path), path)

    return FrozenReference(
        id=described["id"],
        grid=_grid(_document(lake, f"{where}/grid.json")),
        profile=profile(f"{where}/profile.parquet"),
        outcomes=outcomes(f"{where}/outcomes.parquet") if labelled else None,
        days=StoredDays({d: storage.path(where, "profiles", d) for d in days}, profile),
        daily_outcomes=StoredDays(
            {d: storage.path(where, "outcomes", d) for d in labelled}, outcomes
        ),
        target_mean=described["target_mean"],
        rows=described["rows"],
        created_at=dt.datetime.fromisoformat(described["created_at"]),
        unusable={dt.date.fromisoformat(d): why for d, why in described["unusable"].items()},
    )


def _document(lake: Lake, path: str) -> dict:
    content = lake.read(path)
    try:
        return json.loads(content)
    except ValueError as error:
        raise SnapshotCorrupt(
            f"{path} of the frozen reference is damaged ({error}); restore it, or delete its "
            "folder and freeze the reference anew while its sources are there"
        ) from error


def folder(monitor: Monitor) -> str:
    """Where in the lake the reference of this document lies, with what is learnt from it."""
    return f"{monitor.name}/reference/{reference_id(monitor)}"


def stored_as(monitor: Monitor) -> str:
    """The monitor's name under which the snapshots of the reference's days lie in the lake."""
    return monitor.name if monitor.reference.snapshots else folder(monitor)


def is_frozen(lake: Lake, monitor: Monitor) -> bool:
    """Whether the reference of this document was frozen."""
    return lake.exists(f"{folder(monitor)}/reference.json")


def _manifests(
    monitor: Monitor, lake: Lake, access: Access, pseudonyms: Pseudonyms, as_of: dt.datetime
) -> dict[dt.date, dict[Kind, Manifest | None]]:
    """The snapshots of every day of the reference, taken now unless some are there to serve.

    Those are production's where the document says so, and what a later champion answered.
    """
    days = days_between(monitor.reference.first_day, monitor.reference.last_day)
    if monitor.reference.snapshots or isinstance(monitor.reference, RescoredReference):
        name = stored_as(monitor)
        return {
            day: {kind: snapshots.manifest(lake, name, kind, day) for kind in Kind} for day in days
        }
    seen = _as_monitor(monitor)
    kinds = [kind for kind in Kind if getattr(seen.telemetry, kind) is not None]
    return {
        day: {
            kind: snapshots.take(
                seen, kind, day, lake=lake, access=access, as_of=as_of, pseudonyms=pseudonyms
            )
            for kind in kinds
        }
        for day in days
    }


def _as_monitor(monitor: Monitor) -> Monitor:
    """The reference as a monitor of its own, whose snapshots lie in the reference's folder."""
    return monitor.model_copy(
        update={
            "name": folder(monitor),
            "telemetry": monitor.reference.telemetry or monitor.telemetry,
            "first_day": monitor.reference.first_day,
            "last_day": monitor.reference.last_day,
        }
    )


def open_day(
    monitor: Monitor,
    day: dt.date,
    manifests: Mapping[Kind, Manifest | None],
    lake: Lake,
    opened: ExitStack,
) -> tuple[DaySnapshots, str]:
    """The day's verified files, and in words why there are none."""
    paths = {}
    whys: dict[str, list[str]] = {}
    for kind, manifest in manifests.items():
        if manifest is None or manifest.file is None or not manifest.rows:
            told = "no snapshot" if manifest is None else manifest.detail or manifest.reason
            whys.setdefault(told or "no rows", []).append(kind)
            continue
        try:
            paths[kind] = opened.enter_context(snapshots.data(lake, manifest))
        except SnapshotError as error:
            whys.setdefault(str(error), []).append(kind)
    # One file often holds features and predictions; labels do not decide whether a day is usable.
    told_once = {why: [k for k in kinds if k != Kind.LABELS] for why, kinds in whys.items()}
    why = "; ".join(f"{' and '.join(kinds)}: {text}" for text, kinds in told_once.items() if kinds)
    return DaySnapshots.of(window(monitor, day), manifests, paths), why


def _nothing(monitor: Monitor, unusable: Mapping[dt.date, str]) -> str:
    """Why no day can be used; days whose reason differs in the date alone are told once."""
    alike: dict[str, list[dt.date]] = {}
    for day, why in sorted(unusable.items()):
        alike.setdefault(why.replace(day.isoformat(), "{day}"), []).append(day)
    lines = [f"{_span(days)}: {unusable[days[0]]}" for days in list(alike.values())[:5]]
    told = (
        f"the reference of monitor {monitor.name} ({monitor.reference.first_day} to "
        f"{monitor.reference.last_day}) has no day with rows; at least one is needed: "
        "correct reference.first_day, reference.last_day or its sources"
    )
    return "\n".join([told, *lines])


def _span(days: list[dt.date]) -> str:
    """The first of some days, and how many are like it.

    >>> _span([dt.date(2026, 1, 1), dt.date(2026, 1, 2)])
    '2026-01-01, and likewise 1 more'
    """
    return f"{days[0]}{f', and likewise {len(days) - 1} more' if len(days) > 1 else ''}"


def _count_profiles(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    lake: Lake,
    folder: str,
    scratch: Path,
) -> int:
    """Keep a profile per day and their sum; the rows of the traffic."""
    total = Profile.empty(grid.id)
    for day, profile in engine.each_profile(monitor, grid, days, scratch=scratch):
        storage.write_profile(lake, folder, day, profile, fingerprint="")
        total += profile
    total = Profile(total.grid_id, total.groups, _always_missing(total))
    lake.write(f"{folder}/profile.parquet", storage.profile_to_bytes(total, ""))
    whole = total.groups.get(EVERYTHING)
    return whole.rows if whole else 0


def _always_missing(total: Profile) -> dict[str, str]:
    """Columns that no day of the reference had."""
    return {name: why for name, why in total.missing.items() if total.column(name) is None}


def _count_outcomes(
    monitor: Monitor,
    grid: Grid,
    days: Mapping[dt.date, DaySnapshots],
    target_mean: float,
    lake: Lake,
    folder: str,
    scratch: Path,
) -> list[dt.date]:
    """Keep outcomes per day and their sum; the days that have labels."""
    total = Outcomes(grid.id, {})
    labelled: list[dt.date] = []
    counted = engine.each_outcomes(monitor, grid, days, target_mean=target_mean, scratch=scratch)
    for day, outcomes in counted:
        if outcomes.performance:
            storage.write_outcomes(lake, folder, day, outcomes, fingerprint="")
            total += outcomes
            labelled.append(day)
    if labelled:
        lake.write(f"{folder}/outcomes.parquet", storage.outcomes_to_bytes(total, ""))
    return labelled


def _grid_document(grid: Grid) -> dict[str, object]:
    return {
        "columns": {name: _cells_document(cells) for name, cells in grid.columns.items()},
        "segments": {name: [list(v) for v in values] for name, values in grid.segments.items()},
    }


def _cells_document(cells: Cells) -> dict[str, object]:
    if isinstance(cells, NumericCells):
        return {"edges": list(cells.edges), "is_discrete": cells.is_discrete}
    return {"categories": list(cells.categories)}


def _grid(document: dict) -> Grid:
    return Grid(
        {
            name: NumericCells(tuple(cells["edges"]), cells["is_discrete"])
            if "edges" in cells
            else CategoryCells(tuple(cells["categories"]))
            for name, cells in document["columns"].items()
        },
        {
            name: tuple(tuple(row) for row in values)
            for name, values in document["segments"].items()
        },
    )


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, allow_nan=False).encode() + b"\n"
