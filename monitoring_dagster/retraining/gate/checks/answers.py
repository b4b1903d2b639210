"""ANSWERS: the challenger answers every row that the champion answers."""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained
from monitoring_dagster.retraining.gate.paired import is_answered

METRIC = "answered_share"


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where there is a row that only the champion gives a finite score for.

    Rows without a label count as well: what cannot be answered cannot be answered in production.
    """
    given, paired = comparison.given, comparison.paired
    rows, days = len(given.labels), len(paired.dates)
    champion, challenger = is_answered(given.champion), is_answered(given.challenger)
    lost, won = int((champion & ~challenger).sum()), int((challenger & ~champion).sum())
    if not rows:
        found = Gained.without(METRIC, 0, 0, "there are no rows")
        yield check(
            CheckKind.ANSWERS,
            found,
            Outcome.UNDECIDED,
            "there are no rows to answer",
            is_needed=False,
        )
        return
    theirs, ours = float(champion.mean()), float(challenger.mean())
    found = Gained.counted(METRIC, theirs, ours, ours - theirs, rows=rows, days=days)
    only = f"; {won:,} other rows only the challenger answers" if won else ""
    if lost:
        outcome = Outcome.FAILED
        text = f"the challenger does not answer {lost:,} of {int(champion.sum()):,} rows"
    else:
        outcome = Outcome.PASSED
        text = f"the challenger answers all {int(champion.sum()):,} rows"
    text += f" that the champion answers{only}"
    yield check(CheckKind.ANSWERS, found, outcome, text, required=0.0)
