"""The focus of a sample: the columns that an incident is about, and the part of the traffic.

Read off the incident alone; which rows that comes to is `strata`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.incident import Incident
from monitoring_dagster.incidents.subjects import columns_of, counting, subject_of
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.profile import ALL


@dataclass(frozen=True, slots=True)
class Focus:
    """Leading columns, the worst first, and the segment and model version that rows come from."""

    columns: tuple[str, ...] = ()
    segment: str = ALL
    version: str = ALL

    @classmethod
    def of(cls, incident: Incident, monitor: Monitor) -> Self:
        """What the incident is about.

        Its columns are those of the signals that count, the gravest first. A cause that is a
        segment or a version restricts the rows to it, and so do signals that all lie in one.
        """
        cause, signals = incident.cause, counting(incident.signals)
        subjects = [subject_of(signal.subject, monitor.columns) for signal in signals]
        broken = [cause.name] if cause.kind is CauseKind.COLUMN else []
        columns = [*broken, *columns_of(signals, monitor.columns)]
        segment = _shared(subject.segment for subject in subjects)
        version = _shared(subject.model_version for subject in subjects)
        return cls(
            tuple(dict.fromkeys(name for name in columns if name in monitor.columns)),
            cause.name if cause.kind is CauseKind.SEGMENT else segment,
            cause.name if cause.kind is CauseKind.VERSION else version,
        )


def _shared(places: Iterable[str]) -> str:
    """The one place of all, or all traffic."""
    found = set(places)
    return found.pop() if len(found) == 1 else ALL
