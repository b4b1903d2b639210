"""How a tool did: what it says of unchanged days, and how soon and how rightly of changed ones.

A change counts as found on the first day on which the tool says something that it does not say of
the very same day without the change. So a tool that alarms every day finds nothing by that alone,
and one that alarms of another column at the same time is not robbed of what it finds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.detection.alerts import Alerts
from benchmarks.detection.faults import Fault

NEVER = math.inf


@dataclass(frozen=True)
class Found:
    """What a tool made of one injected fault: after how many days, and what it then named.

    `days` counts from 1, the day of the change, and is infinite where nothing was said; `others`
    are the columns that were named beside the right one.
    """

    fault: Fault
    days: float
    is_right: bool = False
    others: int = 0


@dataclass(frozen=True)
class Summary:
    """Several injections of one fault."""

    recall: float
    median_days: float
    right: float
    others: float


def found(fault: Fault, unchanged: Alerts, changed: Alerts) -> Found:
    """Compare what was said of the same days with and without the fault."""
    for number, day in enumerate(sorted(changed), start=1):
        if new := set(changed[day]) - set(unchanged.get(day, ())):
            others = {a.column for a in new if a.column and not a.names(fault.blame)}
            is_right = any(alert.names(fault.blame) for alert in new)
            return Found(fault, number, is_right, len(others))
    return Found(fault, NEVER)


def summarised(runs: Sequence[Found]) -> Summary:
    """Recall, median days (a miss counts as infinitely late) and the rest among those found."""
    hits = [run for run in runs if run.days < NEVER]
    return Summary(
        recall=len(hits) / len(runs),
        median_days=statistics.median_low([run.days for run in runs]),
        right=sum(run.is_right for run in hits) / len(hits) if hits else math.nan,
        others=statistics.mean([run.others for run in hits]) if hits else math.nan,
    )


def alarm_share(days: Alerts) -> float:
    """The share of days with any alert; NaN without days."""
    return sum(bool(alerts) for alerts in days.values()) / len(days) if days else math.nan
