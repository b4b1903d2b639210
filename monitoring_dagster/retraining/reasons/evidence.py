"""Evidence: what a reason is given, and what it gives back. No reason itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitoring_dagster.decisions.verdict import Level, Rule, Verdict
from monitoring_dagster.incidents.subjects import is_whole
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.unexplained import Unexplained

_UNJUDGED = (Level.NO_DATA, Level.SUPPRESSED, Level.ERROR)


class Said(NamedTuple):
    """What is said of one day, as far as it is not too old to be acted upon."""

    day: dt.date
    verdicts: Sequence[Verdict]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a model is to be trained anew: the reason in a sentence, and since when it is so."""

    why: Why
    text: str
    since: dt.date


@dataclass(frozen=True, slots=True)
class Explained:
    """Why it is not, although something is proven: inputs that moved explain it."""

    why: Why
    text: str


class Known(Protocol):
    """What the store knows; looked up only where a reason asks."""

    @property
    def incident_since(self) -> dt.date | None:
        """The first day of the open incident of performance; None without one."""
        ...

    @property
    def champion_since(self) -> dt.date:
        """The day with which the champion began: of its tenure, else the reference's last."""
        ...

    def unexplained(
        self, metric: str, reference: float | None, since: dt.date, until: dt.date
    ) -> Unexplained:
        """How much of a loss inputs that moved do not explain."""
        ...

    def labelled_after(self, day: dt.date) -> int:
        """Labelled rows of the days after `day` whose labels are final."""
        ...


Reason = Callable[[Monitor, Sequence[Said], Known], Evidence | Explained | None]
"""Takes the document, days with the newest first, and what the store knows."""


def latest(days: Sequence[Said], rule: Rule) -> Iterator[tuple[dt.date, Verdict]]:
    """The newest judged verdict about each subject of a rule, on all traffic."""
    seen: set[str] = set()
    for day, verdicts in days:
        for verdict in verdicts:
            subject = verdict.subject
            if subject.rule is not rule or not is_whole(subject) or verdict.level in _UNJUDGED:
                continue
            if subject.key not in seen:
                seen.add(subject.key)
                yield day, verdict
