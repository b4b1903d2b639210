"""FLIPS: few of the rows that the champion had right become wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.retraining.gate import wording
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check
from monitoring_dagster.retraining.gate.compared import Bools, Floats
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained
from monitoring_dagster.retraining.gate.measures.metric import MINIMUM_ROWS
from monitoring_dagster.retraining.gate.paired import Answers, Paired

METRIC = "negative_flip_rate"

LARGE = 0.9
"""Regression: an error is large where nine of ten of the champion's are smaller."""


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where their share among what the champion had right exceeds `negative_flips`.

    Regression: right is an error within nine of ten of the champion's. Yan et al. divide by all
    rows; among those that were right the share does not depend on how good the champion is.
    Source: Yan et al. 2021, Positive-congruent training, CVPR.
    """
    paired, limit = comparison.paired, comparison.rules.negative_flips
    days = len(paired.dates)
    right = None if paired.rows < MINIMUM_ROWS else _right(paired, comparison.task)
    if right is None or not right[0].any():
        lacks = _lacks(paired, comparison.task)
        found = Gained.without(METRIC, paired.rows, days, lacks)
        text = f"negative flips cannot be counted: {lacks}"
        yield check(CheckKind.FLIPS, found, Outcome.UNDECIDED, text, is_needed=False)
        return
    champion, challenger = right
    had, lost = int(champion.sum()), int((champion & ~challenger).sum())
    flips, won = lost / had, int((challenger & ~champion).sum())
    found = Gained.counted(METRIC, 0.0, flips, -flips, rows=paired.rows, days=days)
    text = (
        f"{lost:,} of {had:,} rows that the champion had right become wrong, "
        f"{wording.share(flips)}, {wording.share(limit)} allowed; {won:,} become right"
    )
    outcome = Outcome.PASSED if flips <= limit else Outcome.FAILED
    yield check(CheckKind.FLIPS, found, outcome, text, required=-limit)


def _right(paired: Paired, task: Task) -> tuple[Bools, Bools] | None:
    """Which rows the champion and the challenger have right; None without decisions."""
    sides = (paired.champion, paired.challenger)
    if task is Task.REGRESSION:
        large = float(np.quantile(_errors(paired.champion), LARGE))
        champion, challenger = (_errors(side) <= large for side in sides)
        return champion, challenger
    if task is Task.BINARY and any(side.threshold is None for side in sides):
        return None
    champion, challenger = (side.chosen == side.labels for side in sides)
    return champion, challenger


def _errors(side: Answers) -> Floats:
    return np.abs(side.scores - side.labels)


def _lacks(paired: Paired, task: Task) -> str:
    if paired.rows < MINIMUM_ROWS:
        return (
            f"{paired.rows:,} labelled rows that both answered, at least {MINIMUM_ROWS} are needed"
        )
    if _right(paired, task) is None:
        return "both models need a threshold to decide"
    return "the champion had no row right"
