"""Verdicts that were withheld because a quality check condemned what they are about.

They fire nothing; an incident lists them so that nobody takes silence for health.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from monitoring_dagster.decisions.verdict import Level, Rule, Subject, Verdict
from monitoring_dagster.incidents.breaks import is_cut_by
from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.incident import Signal, SignalState
from monitoring_dagster.incidents.memory import upstream_first
from monitoring_dagster.incidents.subjects import is_whole
from monitoring_dagster.incidents.themes import Clue, Theme
from monitoring_dagster.metrics.measurement import Reason

PARTS = Subject(Rule.DATA, "withheld", segment="")
"""Stands for all withheld verdicts of segments and versions: there may be hundreds."""


def withheld(
    day: dt.date,
    verdicts: Sequence[Verdict],
    clues: Sequence[Clue],
    home: Mapping[Theme, Cause],
) -> Iterator[tuple[Cause, Signal]]:
    """Each withheld verdict of the whole traffic, and one for those of its parts, by break."""
    told = [c for c in clues if c.theme in home]
    parts: Counter[Cause] = Counter()
    for verdict in verdicts:
        if verdict.level is not Level.SUPPRESSED:
            continue
        by = _withheld_by(verdict, told, home)
        if by is not None and is_whole(verdict.subject):
            yield by, _signal(verdict.subject, verdict.reason, verdict.text, day, by)
        elif by is not None:
            parts[by] += 1
    for cause in sorted(parts, key=upstream_first):
        text = f"{parts[cause]} verdicts of segments and versions"
        yield cause, _signal(PARTS, Reason.QUALITY_CHECK_FAILED, text, day, cause)


def _withheld_by(
    verdict: Verdict, told: Sequence[Clue], home: Mapping[Theme, Cause]
) -> Cause | None:
    """The break that says the same words; else that of its column; else the most upstream one."""
    subject = verdict.subject
    about = [c for c in told if c.theme.family is CauseKind.COLUMN]
    found = (
        [c for c in told if c.verdict.text and c.verdict.text in verdict.text]
        or [c for c in about if c.theme.about == subject.column]
        or [c for c in about if is_cut_by(subject, [c.theme.about])]
        or told
    )
    return min((home[c.theme] for c in found), key=upstream_first, default=None)


def _signal(subject: Subject, reason: str, text: str, day: dt.date, by: Cause) -> Signal:
    return Signal(
        subject.key,
        SignalState.SUPPRESSED,
        Level.SUPPRESSED,
        reason,
        text,
        first_day=day,
        last_day=day,
        suppressed_by=str(by),
    )
