"""Succession: which model is the champion on which day, and what its days are held against.

From the monitor's document and its tenures to the effective document of every day. What a change of
champion means for detectors is `decisions`, who brings one about `promotion`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from monitoring_dagster.models import registry
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles.reference import RescoredReference


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a champion was validated on, and is compared with from then on.

    Args:
        first_day: the first of them.
        last_day: the last of them, included.
        left_out: days between them that it was not validated on, such as those of broken data.
    """

    first_day: dt.date
    last_day: dt.date
    left_out: tuple[dt.date, ...] = ()

    def document(self, threshold: float | None) -> dict[str, Any]:
        """As JSON takes it, with the threshold of the model's decisions."""
        return {
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "left_out": [day.isoformat() for day in self.left_out],
            "threshold": threshold,
        }


@dataclass(frozen=True, slots=True)
class Tenure:
    """From a day on a model is the champion.

    Args:
        id: number of its row; 0 for the time before the first tenure.
        since: its first day.
        model_version: of the champion; empty where nobody wrote it down.
        window: what its days are compared with; None for the reference of the document.
        threshold: from which score on it decides; the document's own for None.
        resumes: the tenure that it goes on from: its id, or 0; None for a new champion.
    """

    id: int
    since: dt.date
    model_version: str
    window: Window | None = None
    threshold: float | None = None
    resumes: int | None = None

    @classmethod
    def of(cls, row: Any) -> Self:
        """The tenure that a row holds."""
        kept: Mapping[str, Any] = json.loads(row.reference) if row.reference else {}
        window = None
        if kept:
            day = dt.date.fromisoformat
            left_out = tuple(map(day, kept.get("left_out", ())))
            window = Window(day(kept["first_day"]), day(kept["last_day"]), left_out)
        return cls(row.id, row.since, row.model_version, window, kept.get("threshold"), row.resumes)


BEFORE = Tenure(0, dt.date.min, "")
"""The time before the first tenure: the document as it was written."""


class Stretch(NamedTuple):
    """Adjacent days of one champion among some days; `reign` is the tenure that it began with."""

    reign: Tenure
    days: list[dt.date]


@dataclass(frozen=True)
class Succession:
    """The champions of a monitor.

    A tenure that is written later overrules those before it from its first day on: that is how a
    rollback ends what was promoted on the same day. A *reign* is the tenure with which a champion
    began, and stands for all tenures that resume it.

    Args:
        document: of the monitor, as it was written.
        tenures: the oldest first.
    """

    document: Monitor
    tenures: tuple[Tenure, ...] = ()
    _effective: dict[int, Monitor] = field(
        default_factory=dict[int, Monitor], compare=False, repr=False
    )

    @classmethod
    def of(cls, document: Monitor, rows: Sequence[Any]) -> Self:
        """The succession that the rows of a monitor's tenures hold, the oldest first."""
        return cls(document, tuple(Tenure.of(row) for row in rows))

    def on(self, day: dt.date) -> Monitor:
        """The effective document of a day: the document, with its champion's reference."""
        reign = self.reign(day)
        if reign.id not in self._effective:
            self._effective[reign.id] = self._document_of(reign)
        return self._effective[reign.id]

    def tenure(self, day: dt.date) -> Tenure:
        """The tenure that a day belongs to."""
        return next((t for t in reversed(self.tenures) if t.since <= day), BEFORE)

    def reign(self, day: dt.date) -> Tenure:
        """The tenure with which the champion of a day began."""
        return self._begun_with(self.tenure(day))

    def former(self) -> Tenure | None:
        """Whom a rollback brings back: the reign before the present champion's; None without one.

        A champion that was rolled back from is not among those who may come back.
        """
        if not self.tenures:
            return None
        present = self._begun_with(self.tenures[-1])
        if present.id == 0:
            return None
        older = [t for t in self.tenures if t.id < present.id and t.since <= present.since]
        return self._begun_with(older[-1]) if older else BEFORE

    def began(self, day: dt.date) -> dt.date:
        """Since when the champion of a day has reigned without a break; `date.min` of the first."""
        return next(first for first, _, _ in reversed(self._reigned()) if first <= day)

    def stretches(self, days: Sequence[dt.date]) -> list[Stretch]:
        """The days by champion: those of each in the order in which they were given."""
        if not self.tenures:
            return [Stretch(BEFORE, list(days))] if days else []
        found: dict[dt.date, Stretch] = {}
        for day in days:
            began = self.began(day)
            found.setdefault(began, Stretch(self.reign(day), [])).days.append(day)
        return [found[began] for began in sorted(found)]

    def earlier(self, day: dt.date) -> Iterator[tuple[dt.date, dt.date]]:
        """When the champion of a day reigned before, the latest first: first days, and ends.

        The first day belongs to it and the end does not.
        """
        reign, began = self.reign(day), self.began(day)
        for first, end, held_by in reversed(self._reigned()):
            if end <= began and held_by == reign:
                yield first, end

    def taking_over(self, version: str, window: Window, threshold: float | None) -> Monitor:
        """The effective document of a champion that has not begun its tenure yet."""
        return self._document_of(Tenure(-1, dt.date.max, version, window, threshold))

    def _begun_with(self, tenure: Tenure) -> Tenure:
        by_id = {one.id: one for one in self.tenures}
        while tenure.resumes is not None:
            tenure = by_id.get(tenure.resumes, BEFORE)
        return tenure

    def _reigned(self) -> list[tuple[dt.date, dt.date, Tenure]]:
        """Who reigned from when to when, in order; neighbours of one champion are one."""
        bounds = sorted({dt.date.min, *(tenure.since for tenure in self.tenures)})
        found: list[tuple[dt.date, dt.date, Tenure]] = []
        for first, end in itertools.pairwise([*bounds, dt.date.max]):
            reign = self.reign(first)
            goes_on = bool(found) and found[-1][2] == reign
            began = found.pop()[0] if goes_on else first
            found.append((began, end, reign))
        return found

    def _document_of(self, reign: Tenure) -> Monitor:
        if reign.window is None:
            return self.document
        document, window = self.document, reign.window
        threshold = document.model.threshold if reign.threshold is None else reign.threshold
        # The alias of the champion is on another version by the time an older day is asked after.
        name = registry.name_of(document.model.uri or "")
        uri = document.model.uri if name is None else f"models:/{name}/{reign.model_version}"
        reference = RescoredReference(
            first_day=window.first_day,
            last_day=window.last_day,
            model_version=reign.model_version,
            left_out=window.left_out,
        )
        model = document.model.model_copy(update={"threshold": threshold, "uri": uri})
        return document.model_copy(update={"reference": reference, "model": model})
