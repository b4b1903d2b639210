"""Windows: on which days a model is trained, on which it is compared, and why not on the others.

Deterministic: the same document, snapshots and instant give the same plan. Raw rows are read by
whoever trains, who verifies the digests that the plan names.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from monitoring_dagster.errors import SnapshotCorrupt
from monitoring_dagster.monitors.calendar import days_between, matures_at
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.monitors.retraining import WindowKind
from monitoring_dagster.profiles import reference
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Taken:
    """What the lake holds of one day.

    Args:
        name: under which its snapshots lie: the monitor's, or that of the reference's folder.
        digests: SHA-256 of each snapshot that is needed, by kind.
        labelled: rows whose label is known.
        problem: why it cannot be used; empty where it can.
        is_gone: whether nothing of it is there: never taken, or past its retention.
    """

    name: str
    digests: Mapping[str, str]
    labelled: int
    problem: str = ""
    is_gone: bool = False


Lookup = Callable[[dt.date], Taken]


class Planned(NamedTuple):
    """A day that is used."""

    day: dt.date
    taken: Taken

    def document(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "day": self.day.isoformat(),
            "name": self.taken.name,
            "digests": dict(self.taken.digests),
            "labelled": self.taken.labelled,
        }


class Excluded(NamedTuple):
    """A day of the window that is not used, and why."""

    day: dt.date
    because: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a model is trained on.

    Args:
        training: days to fit on, in order.
        validation: newer days, which decide at the gate.
        excluded: days between the first and the last of both that are not used.
        settings: what else training depends on, as JSON takes it.
    """

    training: tuple[Planned, ...]
    validation: tuple[Planned, ...]
    excluded: tuple[Excluded, ...]
    settings: Mapping[str, Any]

    @property
    def days(self) -> int:
        """Days of the window, the excluded ones among them."""
        return len(self.training) + len(self.validation) + len(self.excluded)

    @property
    def span(self) -> tuple[dt.date, dt.date] | None:
        """First and last day of the window, used or not; None of a plan without any."""
        days = [one.day for one in (*self.training, *self.validation, *self.excluded)]
        return (min(days), max(days)) if days else None

    @property
    def rows(self) -> int:
        """Labelled rows to train on."""
        return sum(planned.taken.labelled for planned in self.training)

    def document(self) -> dict[str, Any]:
        """As JSON takes it; kept with the action."""
        return {
            **self.settings,
            "training": [planned.document() for planned in self.training],
            "validation": [planned.document() for planned in self.validation],
            "excluded": [
                {"day": day.isoformat(), "because": because} for day, because in self.excluded
            ],
            "training_rows": self.rows,
            "validation_rows": sum(planned.taken.labelled for planned in self.validation),
        }


def plan(
    document: Monitor,
    *,
    now: dt.datetime,
    since: dt.date | None,
    broken: Mapping[dt.date, str],
    look_up: Lookup,
    trained_until: dt.date | None = None,
) -> Plan:
    """Choose days of the past by `retraining.window`.

    Args:
        document: as it was written: with the reference that the monitor began with.
        now: days count whose labels are final by then.
        since: first day of the change, for windows that begin with it; None for all days.
        broken: what is wrong with the data of days that must not be used.
        look_up: what the lake holds of a day.
        trained_until: the last day that the champion was fitted on, which cannot validate.
    """
    window = document.retraining.window
    used: list[Planned] = []
    excluded: list[Excluded] = []
    for day in _candidates(document, now):
        taken = look_up(day)
        if taken.is_gone and not used and not excluded:
            continue  # what is past its retention is no gap
        why = broken.get(day) or taken.problem
        if why:
            excluded.append(Excluded(day, why))
        else:
            used.append(Planned(day, taken))
    newest = used[-window.validation_days :]
    validation = [p for p in newest if trained_until is None or p.day > trained_until]
    older = used[: len(used) - len(validation)]
    first = _first_day(document, since, validation)
    training = [p for p in older if first is None or p.day >= first]
    return Plan(
        tuple(training),
        tuple(validation),
        tuple(e for e in excluded if first is None or e.day >= first),
        _settings(document, since),
    )


def judged_by(
    document: Mapping[str, Any], first: dt.date, last: dt.date, look_up: Lookup
) -> dict[str, Any]:
    """A plan with other days to be judged by: those that a challenger answered unheard.

    Args:
        document: the plan, as it is kept with the action.
        first: the first of these days.
        last: the last of them; the labels of all have matured.
        look_up: what the lake holds of a day.
    """
    held = [Planned(day, look_up(day)) for day in days_between(first, last)]
    whole = [planned for planned in held if not planned.taken.problem]
    return {
        **document,
        "validation": [planned.document() for planned in whole],
        "validation_rows": sum(planned.taken.labelled for planned in whole),
    }


def as_it_stands(
    document: Mapping[str, Any], look_up: Lookup, uses: Sequence[str]
) -> dict[str, Any]:
    """A plan with its days as the lake holds them now: labels may have come since it was made.

    A day that cannot be used any more stays as it was planned: whoever reads it says what it lacks.

    Args:
        document: the plan, as it is kept with the action.
        look_up: what the lake holds of a day.
        uses: of which days: `training`, `validation`.
    """
    found = dict(document)
    for use in uses:
        days = [_as_held(each, look_up) for each in document[use]]
        found |= {use: days, f"{use}_rows": sum(each["labelled"] for each in days)}
    return found


def _as_held(planned: Mapping[str, Any], look_up: Lookup) -> dict[str, Any]:
    day = dt.date.fromisoformat(planned["day"])
    taken = look_up(day)
    return dict(planned) if taken.problem else Planned(day, taken).document()


def lookup(lake: Lake, document: Monitor) -> Lookup:
    """What the lake holds of a day, by its manifests: three small files a day."""

    def look_up(day: dt.date) -> Taken:
        is_monitored = day >= document.first_day
        name = document.name if is_monitored else reference.stored_as(document)
        telemetry = document.telemetry
        if not is_monitored:
            telemetry = document.reference.telemetry or telemetry
        inputs = [k for k in (Kind.FEATURES, Kind.PREDICTIONS) if getattr(telemetry, k) is not None]
        try:
            found = {k: snapshots.manifest(lake, name, k, day) for k in (*inputs, Kind.LABELS)}
        except SnapshotCorrupt as error:
            return Taken(name, {}, 0, str(error))
        return taken(document, name, found)

    return look_up


def taken(document: Monitor, name: str, manifests: Mapping[Kind, Manifest | None]) -> Taken:
    """What the manifests of a day say; one for each kind that is needed."""
    held = {kind: m for kind, m in manifests.items() if m is not None}
    problem = next((text for text in _problems(document, manifests) if text), "")
    labels = held.get(Kind.LABELS)
    return Taken(
        name,
        {str(kind): m.sha256 for kind, m in held.items() if m.sha256 is not None},
        0 if labels is None else _labelled(document, labels),
        problem,
        is_gone=not held,
    )


def _candidates(document: Monitor, now: dt.datetime) -> Iterator[dt.date]:
    """Days of the reference and of production whose labels are final."""
    today = now.astimezone(document.zone).date()
    last = min(today, document.last_day or today)
    frozen = document.reference
    days = {
        *days_between(frozen.first_day, frozen.last_day),
        *days_between(document.first_day, last),
    }
    for day in sorted(days):
        matures = matures_at(document, day)
        if matures is not None and matures <= now:
            yield day


def _first_day(
    document: Monitor, since: dt.date | None, validation: Sequence[Planned]
) -> dt.date | None:
    """The first day to train on; None for all that there are."""
    window = document.retraining.window
    if window.kind is WindowKind.SINCE_CHANGE:
        return since
    if window.kind is WindowKind.SLIDING and validation:
        return validation[0].day - dt.timedelta(days=window.days)
    return None


def _settings(document: Monitor, since: dt.date | None) -> dict[str, Any]:
    retraining = document.retraining
    window = retraining.window
    return {
        "trainer": retraining.trainer,
        "parameters": dict(retraining.parameters),
        "seed": retraining.seed,
        "config_hash": document.config_hash,
        "window": window.kind.value,
        "since": since.isoformat() if since and window.kind is WindowKind.SINCE_CHANGE else None,
        "half_life_days": window.half_life_days if window.kind is WindowKind.RECENT else None,
    }


def _problems(document: Monitor, manifests: Mapping[Kind, Manifest | None]) -> Iterator[str]:
    for kind, manifest in manifests.items():
        if manifest is None:
            yield f"no snapshot of {kind} was taken"
        elif manifest.status != "ok" or not manifest.file or not manifest.rows:
            yield f"{kind}: {manifest.detail or manifest.reason or 'no rows'}"
        elif kind is Kind.LABELS and manifest.maturity != "final":
            yield "labels were still expected when their snapshot was taken"
        elif kind is Kind.LABELS and not _labelled(document, manifest):
            yield "no label is known"


def _labelled(document: Monitor, labels: Manifest) -> int:
    """Rows whose label is known: a snapshot may hold labels without a value."""
    column = labels.columns.get(document.the(Role.LABEL) or "")
    return labels.rows - (column.nulls if column is not None else 0)
