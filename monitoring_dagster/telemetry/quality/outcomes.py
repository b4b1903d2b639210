"""Puts into words what became of an expectation: required, found, and why.

Deciding that is `validation` and `checking`; what follows from it is `report`.
"""

from __future__ import annotations

from typing import Any

from monitoring_dagster.monitors.contract import Expectation, Kind, Severity
from monitoring_dagster.telemetry.manifest import ColumnState, Manifest
from monitoring_dagster.telemetry.quality.report import PRESENT, SNAPSHOT, CheckOutcome, Result
from monitoring_dagster.telemetry.quality.validation import Answer

DAMAGED = "damaged"


def snapshot_outcome(manifest: Manifest) -> CheckOutcome:
    """Whether there is a snapshot to check; labels that are not due yet are no failure."""
    if manifest.status == "ok":
        return _of_snapshot(manifest, "passed", f"{manifest.rows} rows", "it could be taken")
    if manifest.kind is Kind.LABELS and manifest.maturity != "final":
        observed, detail = manifest.reason, "labels are not expected yet"
        return _of_snapshot(manifest, "not_run", observed, detail, Severity.INFO)
    detail = f"the day's snapshot is required ({manifest.status}: {manifest.detail})"
    return _of_snapshot(manifest, "failed", manifest.reason, detail)


def damaged_outcome(manifest: Manifest, error: Exception) -> CheckOutcome:
    """The snapshot was taken, and is not what was written."""
    return _of_snapshot(manifest, "failed", DAMAGED, str(error))


def absent_outcome(kind: Kind, column: str, state: ColumnState) -> CheckOutcome:
    """A declared column that the source does not deliver, or not as what was declared."""
    return CheckOutcome(
        kind=kind,
        column=column,
        expect=PRESENT,
        severity=Severity.CRITICAL,
        result="failed",
        observed=state.status,
        detail=f"{column} is declared and required ({state.detail or state.reason})",
    )


def row_count_outcome(expectation: Expectation, rows: int) -> CheckOutcome:
    """Decided from the manifest, since a sample has another number of rows."""
    low, high = expectation.minimum, expectation.maximum
    holds = (low is None or rows >= low) and (high is None or rows <= high)
    return _of(expectation, "passed" if holds else "failed", f"{rows} rows", rows=rows)


def answered(expectation: Expectation, answer: Answer, *, sampled: bool) -> CheckOutcome:
    """What Great Expectations found, without any value."""
    if answer.result == "errored":
        return _of(expectation, "errored", f"could not be evaluated: {answer.error}")
    found = f"{answer.unexpected_rows} of {answer.rows} rows do not comply"
    return _of(
        expectation,
        answer.result,
        f"{found}, in a sample" if sampled else found,
        rows=answer.rows,
        unexpected_rows=answer.unexpected_rows,
        sampled=sampled,
    )


def not_run(expectation: Expectation, why: str) -> CheckOutcome:
    """There was nothing to evaluate it on."""
    return _of(expectation, "not_run", why)


def requirement(expectation: Expectation) -> str:
    """The expectation as a sentence.

    >>> requirement(Expectation(expect="between", column="age", minimum=18, mostly=0.99))
    'age must be at least 18 in 99 % of rows'
    """
    low, high = expectation.minimum, expectation.maximum
    limits = [
        *([f"at least {low:g}"] if low is not None else []),
        *([f"at most {high:g}"] if high is not None else []),
    ]
    texts = {
        "not_null": "not be null",
        "between": f"be {' and '.join(limits)}",
        "in_set": f"be one of {len(expectation.values)} known values",
        "matches": f"match {expectation.pattern}",
        "unique": "be unique",
        "row_count": f"have {' and '.join(limits)} rows",
    }
    share = "" if expectation.mostly == 1 else f" in {100 * expectation.mostly:g} % of rows"
    because = f", because {expectation.because}" if expectation.because else ""
    subject = expectation.column or "the snapshot"
    return f"{subject} must {texts[expectation.expect]}{share}{because}"


def _of(expectation: Expectation, result: Result, observed: str, **counts: Any) -> CheckOutcome:
    return CheckOutcome(
        kind=expectation.kind,
        column=expectation.column,
        expect=expectation.expect,
        severity=expectation.severity,
        result=result,
        observed=observed,
        detail=requirement(expectation),
        **counts,
    )


def _of_snapshot(
    manifest: Manifest,
    result: Result,
    observed: str,
    detail: str,
    severity: Severity = Severity.CRITICAL,
) -> CheckOutcome:
    return CheckOutcome(
        kind=manifest.kind,
        column=None,
        expect=SNAPSHOT,
        severity=severity,
        result=result,
        observed=observed,
        rows=manifest.rows,
        detail=detail,
    )
