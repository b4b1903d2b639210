"""Harm: has the model made more errors than its reference allows, proven without assumptions?

One e-detector per group, fed with the day's errors among its labelled rows. Which alerts follow
is `rules/performance`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitoring_dagster.decisions.budget import Budget, Family
from monitoring_dagster.decisions.detectors.e_detector import (
    EDetector,
    advance_loss,
    long_run_inflation,
)
from monitoring_dagster.decisions.detectors.losses import Losses, Tolerance
from monitoring_dagster.decisions.noise import Noise
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.state import NO_RISE, Rise, Series, State
from monitoring_dagster.decisions.verdict import Reason
from monitoring_dagster.decisions.watched import LOSSES, is_gain
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status
from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.profiles.profile import ALL

FIRST_EVIDENCE = math.log(2)
"""An e-detector of which half the statistic is the one it starts each day with."""


@dataclass(frozen=True)
class Harm:
    """What the losses of one group prove so far; `finding.series` remembers it.

    `rise` is what they have been since the evidence began to gather.
    """

    finding: Finding
    losses: Losses
    tolerance: Tolerance
    rise: Rise
    evidence: float
    threshold: float
    is_proven: bool


def losses_of(task: Task, measured: Sequence[Measurement]) -> dict[str, Losses]:
    """The bounded losses of each segment, all model versions together."""
    return {
        m.segment: _losses(m.metric, m.estimate)
        for m in measured
        if m.metric == LOSSES.get(task)
        and not m.column
        and m.model_version == ALL
        and m.estimate.status is Status.OK
    }


def _losses(metric: str, estimate: Estimate) -> Losses:
    share = 1 - estimate.value if is_gain(metric) else estimate.value
    return Losses.of_errors(round(share * estimate.n), estimate.n)


def follow(
    day: dt.date,
    task: Task,
    findings: Sequence[Finding],
    reference: Mapping[str, Losses],
    noise: Noise,
    state: State,
    budget: Budget,
) -> Iterator[Harm]:
    """The detectors of every group whose losses were measured and are known of the reference.

    Args:
        day: the day that is judged.
        task: says which metric is the loss.
        findings: of the day's performance.
        reference: losses of each segment on the reference.
        noise: says how much days differ.
        state: of the detectors before the day.
        budget: turned into thresholds.
    """
    for finding in findings:
        subject, against = finding.watched.subject, finding.against
        if subject.metric != LOSSES.get(task) or against is None or subject.model_version != ALL:
            continue
        before = state.of(subject.key)
        today = _losses(subject.metric, finding.watched.measurement.estimate)
        if finding.reason is Reason.ACCEPTED:
            continue
        level = before.level
        then = (
            Losses.of_errors(level.losses, level.rows) if level else reference.get(subject.segment)
        )
        rho = noise.autocorrelation(subject.metric, subject.column, subject.segment)
        phi = long_run_inflation(against.inflation, rho)
        family = Family.LOSSES if subject.segment == ALL else Family.SEGMENT_LOSSES
        days = level.days if level else against.days
        worth = _worth(phi, today.n, then.n if then else 0.0, days)
        quantile = budget.reference_quantile(family)
        tolerance = Tolerance.of(then, quantile=quantile, phi=worth.phi) if then else None
        if tolerance is None:
            continue
        threshold = budget.e_threshold(family, reference_days=worth.days)
        detector = advance_loss(
            EDetector(before.log_e) if before.log_e else EDetector(),
            today,
            tolerance,
            threshold=threshold,
            phi=phi,
        )
        rise = _risen(day, before.rise, today, detector)
        yield Harm(
            replace(finding, series=replace(finding.series, log_e=detector.logs, rise=rise)),
            today,
            tolerance,
            rise,
            detector.log_statistic,
            threshold,
            is_proven=detector.fires(threshold)
            and then is not None
            and rise.mean - then.mean >= finding.watched.minimum_effect,
        )


def _risen(day: dt.date, before: Rise, today: Losses, detector: EDetector) -> Rise:
    """The days that the evidence comes from: those since it was as weak as that of a first day."""
    if detector.log_statistic <= FIRST_EVIDENCE:
        return NO_RISE
    return Rise(
        before.losses + today.total, before.rows + today.n, before.days + 1, before.since or day
    )


class _Worth(NamedTuple):
    """What a reference is worth: the inflation of its mean, and how many of today's days it is."""

    phi: float
    days: float


def _worth(phi: float, n: float, reference_n: float, reference_days: int) -> _Worth:
    """A day's mean varies by 1 / n + tau, the reference's by 1 / reference_n + tau / days.

    In units of a single loss's variance; tau is what days differ by, phi = 1 + n tau.

    >>> _worth(1.0, 500, 20_000, 40)
    _Worth(phi=1.0, days=40.0)
    """
    if n <= 0 or reference_n <= 0:
        return _Worth(1.0, 1.0)
    tau = max(phi - 1, 0.0) / n
    mean = 1 / reference_n + tau / max(reference_days, 1)
    return _Worth(mean * reference_n, (1 / n + tau) / mean)


def learnt(before: Series, finding: Finding) -> Series:
    """The series of a group whose new normal is being learnt, today's losses included."""
    level = finding.series.level
    if level is None:
        return finding.series
    old = before.level
    today = _losses(finding.watched.subject.metric, finding.watched.measurement.estimate)
    losses, rows = (old.losses, old.rows) if old else (0.0, 0.0)
    return replace(
        finding.series,
        level=replace(level, losses=losses + today.total, rows=rows + today.n),
    )
