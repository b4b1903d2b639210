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

QUANTILES = (("latency_p50", 0.5, 5), ("latency_p95", 0.95, 20))
"""Of each: its metric, the quantile, and how many timings it takes to speak of it."""


def judge(comparison: Comparison) -> Iterator[Check]:
    """Failed where median or 95th percentile exceeds `latency_ratio` times the champion's."""
    given = comparison.given
    champion, challenger = _timings(given.champion), _timings(given.challenger)
    for metric, quantile, least in QUANTILES:
        fewest = min(len(champion), len(challenger))
        if fewest < least:
            yield _undecided(metric, f"{fewest} timings of both models, {least} are needed")
            continue
        theirs, ours = (float(np.quantile(side, quantile)) for side in (champion, challenger))
        yield _said(metric, theirs, ours, comparison.rules.latency_ratio)


def _timings(side: Side) -> Floats:
    seconds = np.zeros(0) if side.seconds is None else side.seconds
    return seconds[np.isfinite(seconds) & (seconds > 0)]


def _undecided(metric: str, lacks: str) -> Check:
    found = Gained.without(metric, 0, 0, lacks)
    text = f"{metric} cannot be compared: {lacks}"
    return check(CheckKind.LATENCY, found, Outcome.UNDECIDED, text, is_needed=False)


def _said(metric: str, champion: float, challenger: float, most: float) -> Check:
    found = Gained.counted(metric, champion, challenger, champion - challenger, rows=0, days=0)
    ratio = challenger / champion
    text = (
        f"{metric} {number(challenger * 1e6)} µs per row instead of {number(champion * 1e6)} µs, "
        f"{number(ratio)} times as long, {number(most)} times allowed"
    )
    outcome = Outcome.PASSED if ratio <= most else Outcome.FAILED
    required = -(most - 1) * champion
    return check(CheckKind.LATENCY, found, outcome, text, required=required)
