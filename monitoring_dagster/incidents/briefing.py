"""The briefing: what has to be looked up for an incident's context, within its transaction.

What becomes of it in words is `context`. Checks are asked of the caller, who knows the lake.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from monitoring_dagster.decisions.verdict import Subject
from monitoring_dagster.incidents.context import Facts, FailedCheck
from monitoring_dagster.incidents.incident import Link
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.store import Docket

TREND_DAYS = 60

A_DAY = dt.timedelta(days=1)

CHANGED_WITHIN = dt.timedelta(days=14)
"""How long before an incident a change may be what it comes from: detectors take their time."""

STAGE = "evaluation"
"""The asset that an incident leads to."""


@dataclass(frozen=True)
class Pages:
    """Base addresses of Dagster's and of MLflow's pages; None where nobody has one."""

    dagster: str | None = None
    registry: str | None = None


def unknown(day: dt.date) -> Mapping[str, str]:  # noqa: ARG001 - the same for every day
    """A schema that nobody knows."""
    return {}


@dataclass(frozen=True)
class Briefing:
    """Where to look.

    Args:
        monitor: the incident's.
        checks: the failed quality checks of a day.
        pages: where the pages of other systems are.
        schema: what each column of a day is, and which came that nobody declared.
    """

    monitor: Monitor
    checks: Callable[[dt.date], Sequence[FailedCheck]]
    pages: Pages
    schema: Callable[[dt.date], Mapping[str, str]] = unknown

    def facts(self, docket: Docket, day: dt.date, since: dt.date, leading: Subject | None) -> Facts:
        """What there is to know of `day`, for an incident that began on `since`."""
        trend: Sequence[tuple[dt.date, float]] = ()
        if leading is not None:
            first = min(since, day) - dt.timedelta(days=TREND_DAYS)
            trend = docket.trend(leading.metric, leading.column, leading.segment, first, day)
        return Facts(
            checks=tuple(self.checks(day)),
            versions=self._changed(docket, since),
            trend=tuple(trend),
            trend_of=_named(leading) if len(trend) > 1 and leading is not None else "",
            trend_limit=None if leading is None else self._limit(leading),
            links=self.links(day),
        )

    def links(self, day: dt.date) -> tuple[Link, ...]:
        """Where more is to be seen of the day."""
        found: list[Link] = []
        if self.pages.dagster:
            asset = f"{self.pages.dagster}/assets/{quote(self.monitor.name)}/{STAGE}"
            found.append(Link("Dagster", f"{asset}?partition={day}&view=partitions"))
        name, version = _registered(self.monitor.model.uri)
        if self.pages.registry and name:
            page = f"{self.pages.registry}/#/models/{quote(name)}"
            found.append(Link("Model", page + (f"/versions/{version}" if version else "")))
        if self.monitor.alerting.runbook:
            found.append(Link("Runbook", self.monitor.alerting.runbook))
        return tuple(found)

    def _changed(self, docket: Docket, since: dt.date) -> tuple[str, ...]:
        """What changed in the days before the incident and on its first, the latest first."""
        made_of = docket.made_of(since - CHANGED_WITHIN, since)
        for day in (since - A_DAY, since):
            made_of.setdefault(day, {}).update(self.schema(day))
        told = [
            f"{what} changed from {before[what] or 'absent'} to {then[what] or 'absent'} on {day}"
            for (_, before), (day, then) in itertools.pairwise(sorted(made_of.items()))
            for what in then
            if what in before and before[what] != then[what]
        ]
        return tuple(reversed(told))

    def _limit(self, leading: Subject) -> float | None:
        for slo in self.monitor.slos:
            about = (slo.metric, slo.column or "", slo.segment or "all")
            if about == (leading.metric, leading.column, leading.segment):
                return slo.at_least if slo.at_least is not None else slo.at_most
        return None


def _named(leading: Subject) -> str:
    of = f" of {leading.column}" if leading.column else ""
    where = "" if leading.segment == "all" else f" in {leading.segment}"
    return f"{leading.metric}{of}{where}"


def _registered(uri: str | None) -> tuple[str, str]:
    """Name and version of a model that the registry holds: `models:/name/3` or `models:/name@a`.

    >>> _registered("models:/flight_delay@champion"), _registered("models:/flight_delay/3")
    (('flight_delay', ''), ('flight_delay', '3'))
    """
    if uri is None or not uri.startswith("models:/"):
        return "", ""
    name, _, version = uri.removeprefix("models:/").partition("/")
    return name.partition("@")[0], version if version.isdecimal() else ""
