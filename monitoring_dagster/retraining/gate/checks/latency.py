"""LATENCY: the challenger does not take much longer for a row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.retraining.gate.checks.comparison import Comparison
from monitoring_dagster.retraining.gate.checks.showing import check
from monitoring_dagster.retraining.gate.compared import Floats, Side
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Outcome
from monitoring_dagster.retraining.gate.gained import Gained

METRIC = "latency_p50"

FEWEST = 5
"""Timings of both models without which nothing is said. Of the tail nothing is: what it holds is
the other work of the machine that timed them."""


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where the median exceeds `latency_ratio` times the champion's."""
    given = comparison.given
    champion, challenger = _timings(given.champion), _timings(given.challenger)
    fewest = min(len(champion), len(challenger))
    if fewest < FEWEST:
        yield _undecided(f"{fewest} timings of both models, {FEWEST} are needed")
        return
    theirs, ours = (float(np.median(side)) for side in (champion, challenger))
    yield _said(theirs, ours, comparison.rules.latency_ratio)


def _timings(side: Side) -> Floats:
    seconds = np.zeros(0) if side.seconds is None else side.seconds
    return seconds[np.isfinite(seconds) & (seconds > 0)]


def _undecided(lacks: str) -> Check:
    found = Gained.without(METRIC, 0, 0, lacks)
    text = f"{METRIC} cannot be compared: {lacks}"
    return check(CheckKind.LATENCY, found, Outcome.UNDECIDED, text, is_needed=False)


def _said(champion: float, challenger: float, most: float) -> Check:
    found = Gained.counted(METRIC, champion, challenger, champion - challenger, rows=0, days=0)
    ratio = challenger / champion
    text = (
        f"{METRIC} {number(challenger * 1e6)} µs per row instead of {number(champion * 1e6)} µs, "
        f"{number(ratio)} times as long, {number(most)} times allowed"
    )
    outcome = Outcome.PASSED if ratio <= most else Outcome.FAILED
    required = -(most - 1) * champion
    return check(CheckKind.LATENCY, found, outcome, text, required=required)
