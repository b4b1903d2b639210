"""Data that cannot be used: snapshots that are not there, columns that are lost or condemned.

This pages at once: nothing has to be proven, and every day costs. How much data there is, and how
much of it was refused, is watched as a series like any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitoring_dagster.decisions.measured import About, Measured
from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Subject, Verdict
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.metrics.measurement import Reason as Cause
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles.profile import ALL

REFUSED = {
    "duplicate_rate": "came twice and were dropped",
    "conflict_rate": "have the id of another row",
    "quarantine_rate": "were refused",
}

MOST_REFUSED = 0.01
"""Share of the delivered rows; the reference is no guide, since its rows were chosen."""

LOST = {Cause.COLUMN_MISSING, Cause.COLUMN_UNREADABLE, Cause.ALL_NULL}
"""Why a whole column has no values."""


def judge(measured: Measured) -> list[Verdict]:
    """What of the day cannot be used; each cause is told once, however much it takes with it."""
    first: dict[Subject, Verdict] = {}
    for said in (
        *_snapshots(measured),
        *(lost := list(_lost_columns(measured))),
        *_condemned(measured, {v.subject.column for v in lost}),
        *_refused(measured),
        *_failures(measured),
    ):
        first.setdefault(said.subject, said)
    return list(first.values())


def _snapshots(measured: Measured) -> Iterator[Verdict]:
    for kind in Kind:
        found = measured.get("snapshot_rows", f"@{kind}")
        if found is None:
            continue
        subject = Subject(Rule.DATA, "snapshot_rows", f"@{kind}")
        estimate = found.estimate
        if estimate.status is Status.OK:
            text = f"{estimate.value:,.0f} rows of {kind}"
            yield _about(found, subject, Level.OK, Reason.MET, text)
        elif kind is Kind.LABELS:
            yield _without_labels(measured, found, subject)
        else:
            text = f"no {kind} can be used: {estimate.detail or estimate.reason}"
            yield _about(found, subject, Level.CRITICAL, estimate.reason, text)


def _without_labels(measured: Measured, found: Measurement, subject: Subject) -> Verdict:
    """Labels are expected later, until the day is final."""
    why = found.estimate.detail or found.estimate.reason
    coverage = measured.get("label_coverage")
    if coverage is not None and coverage.maturity == "final":
        text = f"no labels can be used although they are due: {why}"
        return _about(found, subject, Level.WARN, found.estimate.reason, text)
    text = f"no labels yet, and none are due: {why}"
    return _about(found, subject, Level.NO_DATA, Reason.PROVISIONAL, text)


def _lost_columns(measured: Measured) -> Iterator[Verdict]:
    for found in measured.of_metric("psi"):
        estimate = found.estimate
        is_whole = found.segment == ALL and found.model_version == ALL
        if is_whole and estimate.status is Status.NO_DATA and estimate.reason in LOST:
            subject = Subject(Rule.DATA, "psi", found.column)
            text = f"`{found.column}` cannot be used: {estimate.detail}"
            yield _about(found, subject, Level.CRITICAL, estimate.reason, text)


def _condemned(measured: Measured, lost: set[str]) -> Iterator[Verdict]:
    """What the quality checks condemned: once per cause, on the first measurement it withheld.

    A column without a value breaks its checks, too, and is told already.
    """
    told: set[str] = set()
    for found in sorted(measured, key=_widest_first):
        estimate = found.estimate
        is_new = estimate.detail not in told and found.column not in lost
        if estimate.status is Status.SUPPRESSED and is_new:
            told.add(estimate.detail)
            yield _about(found, _of(found), Level.CRITICAL, estimate.reason, estimate.detail)


def _widest_first(found: Measurement) -> tuple[bool, bool, About]:
    return found.segment != ALL, found.model_version != ALL, About.of(found)


def _of(found: Measurement) -> Subject:
    return Subject(Rule.DATA, *About.of(found))


def _refused(measured: Measured) -> Iterator[Verdict]:
    """Rows that came twice or were refused: more than a few are a fault of whoever sends them."""
    for metric, what in REFUSED.items():
        for found in measured.of_metric(metric):
            estimate = found.estimate
            is_whole = found.segment == ALL and found.model_version == ALL
            if is_whole and estimate.status is Status.OK and estimate.ci_low > MOST_REFUSED:
                subject = Subject(Rule.DATA, metric, found.column)
                why = f" ({estimate.detail})" if estimate.detail else ""
                text = f"{100 * estimate.value:.1f} % of the rows of {found.column} {what}{why}"
                yield _about(found, subject, Level.WARN, Reason.UNUSABLE, text)


def _failures(measured: Measured) -> Iterator[Verdict]:
    """Metrics that failed: our own mistake, and never silent."""
    for found in measured:
        estimate = found.estimate
        if estimate.status is Status.ERROR and estimate.reason is Cause.METRIC_FAILED:
            text = f"{found.metric} could not be computed: {estimate.detail}"
            yield _about(found, _of(found), Level.ERROR, estimate.reason, text)


def _about(found: Measurement, subject: Subject, level: Level, reason: str, text: str) -> Verdict:
    is_ok = found.estimate.status is Status.OK
    return Verdict(
        subject,
        level,
        str(reason),
        text,
        value=found.estimate.value if is_ok else None,
        reference_value=found.reference_value,
        n=found.estimate.n,
    )
