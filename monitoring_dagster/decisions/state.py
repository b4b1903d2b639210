"""What the detectors remember from one day to the next: plain data, stored as text.

Yesterday's state and today's measurements are all that a day's verdicts depend on, so that
an earlier day that changes can be followed forward to the same end.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from monitoring_dagster.decisions.detectors.cusum import Cusum
from monitoring_dagster.decisions.slo import State as DayOfObjective

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Usual:
    """What a series has been since its new normal: sums over `days`, means where learnt.

    `effect` is what noise said of the days, `losses` of `rows` what a bounded loss was.
    """

    days: int = 0
    effect: float = 0.0
    losses: float = 0.0
    rows: float = 0.0


AT_REST = Cusum()


@dataclass(frozen=True, slots=True)
class Rise:
    """What a bounded loss has been since evidence of a rise began to gather, on day `since`."""

    losses: float = 0.0
    rows: float = 0.0
    days: int = 0
    since: dt.date | None = None

    @property
    def mean(self) -> float:
        """The mean loss; 0.0 of no rows."""
        return self.losses / self.rows if self.rows else 0.0


NO_RISE = Rise()


@dataclass(frozen=True, slots=True)
class Series:
    """What is remembered of one subject.

    `up` and `down` are the sums of its chart, `log_e` the e-detector's logarithms where it has
    one, and `rise` what its evidence was gathered from. `since` is the first day of an alert that
    is still on and `days` the measured days it has lasted; `level` is there where a new normal was
    accepted.
    """

    up: Cusum = AT_REST
    down: Cusum = AT_REST
    log_e: tuple[float, ...] = ()
    rise: Rise = NO_RISE
    since: dt.date | None = None
    days: int = 0
    level: Usual | None = None


@dataclass(frozen=True)
class State:
    """The state of a monitor's detectors after a day.

    `model_versions` have served most on some day, the last of them last; a new one restarts what
    watches performance, one that only takes turns with another does not.
    `normal_since` is the new normal that is in force. Series that are absent are as new. `missed`
    is the record of each estimate: by how many of its own standard errors it missed the truth.
    """

    model_versions: tuple[str, ...] = ()
    normal_since: dt.date | None = None
    series: Mapping[str, Series] = field(default_factory=dict[str, Series])
    objectives: Mapping[str, Mapping[dt.date, DayOfObjective]] = field(
        default_factory=dict[str, "Mapping[dt.date, DayOfObjective]"]
    )
    missed: Mapping[str, Mapping[dt.date, float]] = field(
        default_factory=dict[str, "Mapping[dt.date, float]"]
    )

    def to_json(self) -> str:
        """The state as text; the same state is the same text."""
        return json.dumps(
            {
                "format": FORMAT,
                "model_versions": self.model_versions,
                "normal_since": _iso(self.normal_since),
                "series": {key: _plain(s) for key, s in self.series.items() if s != self._new},
                "objectives": {
                    name: {day.isoformat(): state.value for day, state in days.items()}
                    for name, days in self.objectives.items()
                },
                "missed": {
                    name: {day.isoformat(): error for day, error in days.items()}
                    for name, days in self.missed.items()
                },
            },
            sort_keys=True,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote; ValueError for another format."""
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(
                f"a detector state of format {document['format']} cannot be read, only {FORMAT}; "
                "materialise the evaluation of the monitor's days anew"
            )
        return cls(
            model_versions=tuple(document["model_versions"]),
            normal_since=_day(document["normal_since"]),
            series={key: _series(stored) for key, stored in document["series"].items()},
            objectives={
                name: {
                    dt.date.fromisoformat(day): DayOfObjective(state) for day, state in days.items()
                }
                for name, days in document["objectives"].items()
            },
            missed={
                name: {dt.date.fromisoformat(day): error for day, error in days.items()}
                for name, days in document["missed"].items()
            },
        )

    def of(self, key: str) -> Series:
        """What is remembered of a subject."""
        return self.series.get(key, self._new)

    def restarted(self, since: dt.date) -> Self:
        """The state where a new normal begins: series start anew and learn what they are now."""
        return replace(self, series={}, normal_since=since)

    def succeeded(self, lasting: Collection[str], former: Self | None = None) -> Self:
        """The state with which another champion begins after this one.

        Args:
            lasting: names of objectives that are not about the champion: their days go on.
            former: the state after the last day that it was the champion before; None for a new
                one, of which nothing is known.
        """
        begun = former or type(self)()
        ended = {name: days for name, days in begun.objectives.items() if name not in lasting}
        going_on = {name: days for name, days in self.objectives.items() if name in lasting}
        return replace(begun, objectives={**ended, **going_on})

    @property
    def _new(self) -> Series:
        """What is remembered of a subject that was never measured; a new normal is to be learnt."""
        return Series() if self.normal_since is None else Series(level=Usual())


def _plain(series: Series) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for name, sums in (("up", series.up), ("down", series.down)):
        if sums != AT_REST:
            stored[name] = [sums.total, sums.days, sums.effects, sums.z]
    if series.log_e:
        rise = series.rise
        stored["log_e"] = series.log_e
        stored["rise"] = [rise.losses, rise.rows, rise.days, _iso(rise.since)]
    if series.since is not None:
        stored |= {"since": _iso(series.since), "days": series.days}
    if (level := series.level) is not None:
        stored["level"] = [level.days, level.effect, level.losses, level.rows]
    return stored


def _series(stored: Mapping[str, Any]) -> Series:
    return Series(
        up=Cusum(*stored.get("up", ())),
        down=Cusum(*stored.get("down", ())),
        log_e=tuple(stored.get("log_e", ())),
        rise=_rise(*stored["rise"]) if "rise" in stored else NO_RISE,
        since=_day(stored.get("since")),
        days=stored.get("days", 0),
        level=Usual(*stored["level"]) if "level" in stored else None,
    )


def _rise(losses: float, rows: float, days: int, since: str | None) -> Rise:
    return Rise(losses, rows, days, _day(since))


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
