"""The verdict: what a rule says of a measurement, with everything that a later alert needs.

One row of the public table `verdict`. How rules come to it is `rules`; what people do about it is
not decided here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from monitoring_dagster.profiles.profile import ALL


class Level(StrEnum):
    """What a rule says, from nothing to a page."""

    OK = "ok"
    WARN = "warn"
    CRITICAL = "critical"
    NO_DATA = "no_data"
    NOT_ENOUGH_DATA = "not_enough_data"
    ERROR = "error"
    SUPPRESSED = "suppressed"


class Rule(StrEnum):
    """What is judged: each rule has a file of its own in `rules`."""

    DATA = "data"
    DRIFT = "drift"
    PERFORMANCE = "performance"
    ESTIMATE = "estimate"
    OPERATIONS = "operations"
    OBJECTIVE = "objective"


class Reason(StrEnum):
    """Why a rule says what it says; the same word in tables, messages and pages."""

    WITHIN_NOISE = "within_noise"
    BELOW_MINIMUM_EFFECT = "below_minimum_effect"
    SUDDEN = "sudden"
    LASTING = "lasting"
    STILL_THERE = "still_there"
    HARMFUL = "harmful"
    DAYS_DIFFER = "days_differ"
    TOO_FEW_ROWS = "too_few_rows"
    NO_REFERENCE = "no_reference"
    ACCEPTED = "accepted"
    PROVISIONAL = "provisional"
    UNUSABLE = "unusable"
    NOT_MEASURED = "not_measured"
    MET = "met"
    MISSED = "missed"
    UNDECIDED = "undecided"
    BURNING = "burning"
    EXHAUSTED = "exhausted"
    BEYOND_OBJECTIVE = "beyond_objective"


class Subject(NamedTuple):
    """What a verdict is about; `name` tells apart two verdicts of a rule about the same metric."""

    rule: Rule
    metric: str
    column: str = ""
    segment: str = ALL
    model_version: str = ALL
    name: str = ""

    @property
    def key(self) -> str:
        """The subject as one text, under which detectors keep their state."""
        return "|".join(self)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a shortfall costs per day, with its 95 % interval, in `currency`; `what` is lost."""

    value: float
    low: float
    high: float
    currency: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one subject on one day.

    `reason` is one of `Reason`, or the measurement's own reason where it has no value; `text`
    says it in a sentence. `effect`, `minimum_effect` and `smallest_effect` (the least that today's
    data could show) are in the unit that `effect_unit` names: `σ`, `points` or `relative`; empty
    where it is the metric's own. `evidence`, a detector's statistic, is compared with `threshold`.
    `since` is the first of `days` days in a row. `importance_rank` is among `importance_of`
    features, `impact` is importance × effect, and `prediction_change` the mean change of the
    score that the column alone causes. `known_at` is the instant as of which the measurement was
    made: nobody could have known earlier.
    """

    subject: Subject
    level: Level
    reason: str
    text: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    reference_value: float | None = None
    null_high: float | None = None
    n: int | None = None
    effect: float | None = None
    minimum_effect: float | None = None
    smallest_effect: float | None = None
    effect_unit: str = ""
    evidence: float | None = None
    threshold: float | None = None
    since: dt.date | None = None
    days: int = 0
    importance: float | None = None
    importance_rank: int | None = None
    importance_of: int | None = None
    impact: float | None = None
    prediction_change: float | None = None
    cost: Cost | None = None
    known_at: dt.datetime | None = None
    details: Mapping[str, float | int | str | None] = field(
        default_factory=dict[str, "float | int | str | None"]
    )

    @property
    def is_alert(self) -> bool:
        """Whether somebody should hear of it."""
        return self.level in (Level.WARN, Level.CRITICAL)
