"""A world: a monitored model, its days as rows, and the columns that faults may pick on.

Where the rows come from is `flights` (real) and `synthetic` (drawn); what may go wrong with them
is `faults`. Frames hold one row per prediction under the monitor's own column names; a missing
label is a missing value, and times are UTC without a zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from monitoring_dagster.monitors.calendar import days_between
from monitoring_dagster.monitors.contract import Alerting, Materiality, Monitor, Role

Frame = pd.DataFrame
Floats = NDArray[np.float64]

OK = "ok"
"""The status of a request that was answered; others have no score."""


@dataclass(frozen=True)
class Victims:
    """The columns that faults pick on: numbers, a category, and one segment of the traffic."""

    number: str
    numbers: tuple[str, ...]
    frozen: str
    category: str
    segment: tuple[str, str]

    @property
    def segment_label(self) -> str:
        """The segment as measurements name it."""
        return "=".join(self.segment)


@dataclass(frozen=True)
class World:
    """A model and what came in on each of its days; the first days are the reference.

    `score` is the model itself: it is asked again where a fault changes what it is given.
    """

    name: str
    monitor: Monitor
    days: Mapping[dt.date, Frame]
    score: Callable[[Frame], Floats]
    victims: Victims

    @cached_property
    def reference(self) -> dict[dt.date, Frame]:
        """The days that the model was validated on."""
        window = self.monitor.reference
        return {d: self.days[d] for d in days_between(window.first_day, window.last_day)}

    @cached_property
    def test(self) -> dict[dt.date, Frame]:
        """The days that are monitored."""
        return {day: rows for day, rows in self.days.items() if day not in self.reference}

    @cached_property
    def pooled(self) -> Frame:
        """The rows of the reference."""
        return pd.concat(self.reference.values(), ignore_index=True)

    def the(self, role: Role) -> str:
        """The one column of a role; the world has it."""
        name = self.monitor.the(role)
        if name is None:
            message = f"monitor {self.monitor.name} has no column of role {role}"
            raise KeyError(message)
        return name

    @property
    def features(self) -> list[str]:
        """What the model is given."""
        return self.monitor.with_role(Role.FEATURE)

    def spread(self, column: str) -> float:
        """The standard deviation of a column on the reference."""
        return float(self.pooled[column].std())

    def answered(self, rows: Frame) -> Frame:
        """The rows with the scores and decisions that the model gives them now."""
        scores = np.where(rows[self.the(Role.STATUS)] == OK, self.score(rows), np.nan)
        decisions = np.where(
            np.isnan(scores), np.nan, scores >= (self.monitor.model.threshold or 0)
        )
        answers = {self.the(Role.SCORE): scores, self.the(Role.PREDICTION): decisions}
        return rows.assign(**answers)


def calendar(monitor: Monitor, first_day: dt.date, reference_days: int, total: int) -> Monitor:
    """The document with `total` days from `first_day` on, the first of them its reference.

    Objectives are left out: whether an absolute level is met is no matter of detection, and real
    days miss some of them without any change. The false-alarm budget is the default one.
    """
    last = first_day + dt.timedelta(days=reference_days - 1)
    reference = monitor.reference.model_copy(update={"first_day": first_day, "last_day": last})
    return monitor.model_copy(
        update={
            "time_zone": "UTC",
            "reference": reference,
            "first_day": last + dt.timedelta(days=1),
            "last_day": first_day + dt.timedelta(days=total - 1),
            "slos": (),
            "alerting": Alerting(),
            "materiality": Materiality.MEDIUM,
        }
    )
