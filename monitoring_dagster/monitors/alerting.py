"""Alerting: who is told, how soon somebody has to answer, and when nobody is called.

Only its shape. What opens and ends an incident by these rules is `incidents/lifecycle.py`, whom
they call when `incidents/escalation.py`, and when hours are open `incidents/hours.py`.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from typing import Annotated, NamedTuple, Self

from pydantic import AfterValidator, Field, model_validator

from monitoring_dagster.monitors.agreement import Disagreement, Disagreements
from monitoring_dagster.monitors.scalars import (
    Channel,
    DayCount,
    EndOfHours,
    Hours,
    Link,
    Mention,
    TimeOfDay,
)
from monitoring_dagster.monitors.section import Section
from monitoring_dagster.monitors.vocabulary import Weekday

MOST_JUDGED_DAYS = 14


class Opening(NamedTuple):
    """So many firing days of so many judged ones."""

    days: int
    of: int


def _opening(text: str) -> Opening:
    days, _, of = text.partition(" of ")
    return Opening(int(days), int(of))


def _can_open(text: str) -> str:
    days, of = _opening(text)
    if days > of or of > MOST_JUDGED_DAYS:
        raise ValueError(
            f"got '{text}', required at most as many days as are looked at, and at most "
            f"{MOST_JUDGED_DAYS} of these, such as '2 of 3'"
        )
    return text


OpeningRule = Annotated[
    str,
    Field(
        pattern=r"^[1-9][0-9]? of [1-9][0-9]?$",
        json_schema_extra={
            "patternErrorMessage": "so many days of so many judged ones, such as '2 of 3'"
        },
    ),
    AfterValidator(_can_open),
]

Weekdays = Annotated[tuple[Weekday, ...], Field(strict=False)]


def minutes_of(time_of_day: str) -> int:
    """Minutes from midnight by the clock on the wall.

    >>> minutes_of("09:30"), minutes_of("24:00")
    (570, 1440)
    """
    hour, _, minute = time_of_day.partition(":")
    return 60 * int(hour) + int(minute)


def _unusable_days(days: tuple[Weekday, ...]) -> Iterator[Disagreement]:
    if not days:
        yield Disagreement(("days",), f"names no day; give some of {', '.join(Weekday)}")
    repeated = [day for index, day in enumerate(days) if day in days[:index]]
    if repeated:
        yield Disagreement(("days",), f"{repeated[0]} is given twice")


def _refuse(found: list[Disagreement]) -> None:
    if found:
        raise Disagreements(found)


class BusinessHours(Section):
    """When somebody is at work, by the monitor's clock."""

    days: Weekdays = Field(
        default=(Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI),
        description="Days of the week.",
    )
    opens: TimeOfDay = Field(default="09:00", alias="from", description="When they begin.")
    closes: EndOfHours = Field(
        default="17:00", alias="to", description="When they end; 24:00 is midnight."
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        found = list(_unusable_days(self.days))
        if minutes_of(self.closes) <= minutes_of(self.opens):
            found.append(
                Disagreement(
                    ("to",), f"to ({self.closes}) is not later than from ({self.opens}) of the day"
                )
            )
        _refuse(found)
        return self


class Maintenance(Section):
    """A weekly window in which nobody is called; incidents are opened and kept all the same."""

    days: Weekdays = Field(description="Days of the week on which it begins.")
    begins: TimeOfDay = Field(alias="from", description="When it begins, by the monitor's clock.")
    ends: EndOfHours = Field(
        alias="to", description="When it ends; on the next day where it is earlier than `from`."
    )
    because: str = Field(
        min_length=1, max_length=500, description="Why; shown to whoever asks why nobody called."
    )

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        found = list(_unusable_days(self.days))
        if self.begins == self.ends:
            found.append(
                Disagreement(
                    ("to",),
                    f"from and to are both {self.begins}; a whole day is from 00:00 to 24:00",
                )
            )
        _refuse(found)
        return self

    @property
    def is_over_midnight(self) -> bool:
        """Whether it ends on the day after it began."""
        return minutes_of(self.ends) <= minutes_of(self.begins)


class Acknowledge(Section):
    """Hours within which somebody has to acknowledge an incident; then it is escalated."""

    p1: Hours = Field(default=1.0, alias="P1", description="For P1: hours around the clock.")
    p2: Hours = Field(default=4.0, alias="P2", description="For P2: business hours.")


class EscalationStep(Section):
    """Whom to tell next of an incident that nobody has acknowledged in time."""

    after_hours: Annotated[float, Field(ge=0, le=720, allow_inf_nan=False)] = Field(
        description="Hours after the time to acknowledge it is over: business hours for P2."
    )
    channel: Channel | None = Field(
        default=None, description="Another Slack channel; the incident's own thread if not given."
    )
    mention: Mention | None = Field(default=None, description="Whom to mention there.")

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if self.channel is None and self.mention is None:
            raise ValueError("tells nobody new; give a channel, a mention or both")
        return self


class Alerting(Section):
    """Who is told, how soon they have to answer, and how many false pages are acceptable."""

    channel: Channel | None = Field(
        default=None,
        description="Slack channel, such as `#flight-delay`; the deployment's if not given.",
    )
    mention: Mention | None = Field(
        default=None,
        description="Whom the messages of P1 and P2 mention: the id of a user (U…) or of a user "
        "group (S…), or `here`.",
    )
    days_between_false_pages: Annotated[int, Field(ge=1, le=3_650)] | None = Field(
        default=None,
        description="The false-alarm budget; 90, or 30 for materiality high, by default.",
    )
    runbook: Link | None = Field(
        default=None, description="Link to what to do, shown in every message."
    )
    warnings: OpeningRule = Field(
        default="2 of 3",
        description="Firing days of judged ones from which warnings open an incident; what is "
        "critical and data that cannot be used open one at once.",
    )
    close_after_days: DayCount = Field(
        default=3, description="Judged days without a finding that end an incident; 1 for data."
    )
    reopen_within_days: Annotated[int, Field(ge=0, le=90)] = Field(
        default=3, description="Days after its end in which the same cause reopens an incident."
    )
    old_after_hours: Annotated[float, Field(ge=1, le=8_760, allow_inf_nan=False)] = Field(
        default=48.0,
        description="Findings that were due longer ago are told in a digest and call nobody.",
    )
    acknowledge_within_hours: Acknowledge = Acknowledge()
    escalation: Annotated[tuple[EscalationStep, ...], Field(max_length=5, strict=False)] = Field(
        default=(EscalationStep(after_hours=0.0, mention="here"),),
        description="Whom to tell when nobody acknowledges, step by step; none if empty.",
    )
    business_hours: BusinessHours = BusinessHours()
    maintenance: Annotated[tuple[Maintenance, ...], Field(max_length=20, strict=False)] = Field(
        default=(), description="Weekly windows in which nobody is called."
    )

    @model_validator(mode="after")
    def _steps_follow_one_another(self) -> Self:
        found = [
            Disagreement(
                ("escalation", index, "after_hours"),
                f"after_hours ({later.after_hours:g}) is not more than that of the step before "
                f"({earlier.after_hours:g})",
            )
            for index, (earlier, later) in enumerate(itertools.pairwise(self.escalation), start=1)
            if later.after_hours <= earlier.after_hours
        ]
        _refuse(found)
        return self

    @property
    def warnings_open(self) -> Opening:
        """`warnings` as numbers."""
        return _opening(self.warnings)

    @property
    def old_after(self) -> dt.timedelta:
        """`old_after_hours` as a length of time."""
        return dt.timedelta(hours=self.old_after_hours)
