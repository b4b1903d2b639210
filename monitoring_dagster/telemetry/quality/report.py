"""The quality report of one day: every expectation's outcome, and what the outcomes condemn.

Checking is `checking` and `validation`; here is only what a report says.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from monitoring_dagster.monitors.contract import Kind, Monitor, Severity

Result = Literal["passed", "failed", "errored", "not_run"]

SNAPSHOT = "snapshot"
"""The expectation that the snapshot could be taken at all."""

PRESENT = "present"
"""The expectation that a declared column is there and is what was declared."""


class CheckOutcome(BaseModel):
    """What became of one expectation on one snapshot.

    `errored` means that the expectation itself could not be evaluated, such as a broken pattern:
    it says nothing of the data. `rows` are those that were compared (nulls are compared by
    `not_null` only), `unexpected_rows` those of them that do not comply, None where rows are
    not what it is about. No value of a row is ever part of an outcome.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Kind
    column: str | None
    expect: str
    severity: Severity
    result: Result
    observed: str
    unexpected_rows: int | None = None
    rows: int = 0
    sampled: bool = False
    detail: str = ""


class QualityReport(BaseModel):
    """The outcomes of one day's checks, and what must not be used because of them.

    `fingerprint` identifies what was checked against what, `checked` does so per snapshot.
    `condemned_columns`, `condemned_kinds` and `condemned_day` hold the reason in words; the
    columns of a condemned kind are condemned with it.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    monitor: str
    day: dt.date
    fingerprint: str
    reference: str
    checked: dict[Kind, str]
    outcomes: list[CheckOutcome]
    condemned_columns: dict[str, str] = Field(default_factory=dict)
    condemned_kinds: dict[Kind, str] = Field(default_factory=dict)
    condemned_day: str | None = None


def condemned_kinds(outcomes: Sequence[CheckOutcome]) -> dict[Kind, str]:
    """Snapshots of which a critical expectation failed as a whole, with the reason."""
    return {o.kind: _reason(o) for o in reversed(_condemning(outcomes)) if o.column is None}


def condemned_columns(
    monitor: Monitor, outcomes: Sequence[CheckOutcome], kinds: Mapping[Kind, str]
) -> dict[str, str]:
    """Columns of which a critical expectation failed, or that only condemned kinds carry."""
    condemned = {o.column: _reason(o) for o in reversed(_condemning(outcomes)) if o.column}
    for name, column in monitor.columns.items():
        carriers = [k for k in column.telemetry_kinds if getattr(monitor.telemetry, k) is not None]
        if name not in condemned and carriers and all(k in kinds for k in carriers):
            condemned[name] = kinds[carriers[0]]
    return condemned


def condemned_day(
    monitor: Monitor, outcomes: Sequence[CheckOutcome], kinds: Mapping[Kind, str]
) -> str | None:
    """Why nothing of the day may be used, or None.

    A snapshot with a wrong number of rows condemns the day, one that is not there only when it
    leaves nothing: the other kind can still be watched. Labels never do, they may come late.
    """
    for outcome in _condemning(outcomes):
        if outcome.expect == "row_count" and outcome.kind is not Kind.LABELS:
            return _reason(outcome)
    taken = [
        kind
        for kind in (Kind.FEATURES, Kind.PREDICTIONS)
        if getattr(monitor.telemetry, kind) is not None
    ]
    return kinds[taken[0]] if taken and all(kind in kinds for kind in taken) else None


def _condemning(outcomes: Sequence[CheckOutcome]) -> list[CheckOutcome]:
    return [o for o in outcomes if o.result == "failed" and o.severity is Severity.CRITICAL]


def _reason(outcome: CheckOutcome) -> str:
    about = outcome.kind if outcome.column is None else f"{outcome.kind}.{outcome.column}"
    return f"{about}: {outcome.detail} (found: {outcome.observed})"
