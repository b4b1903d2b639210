"""Expectations learnt from the reference: what its values always were, with a wide margin.

A learnt expectation that fails on good data teaches people to ignore the next one. So one is
made only where the reference's first days predict its last ones. Checking is telemetry's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitoring_dagster.monitors.contract import (
    Column,
    ColumnType,
    Expectation,
    Kind,
    Monitor,
    Role,
    Severity,
)
from monitoring_dagster.profiles.grid import CategoryCells, NumericCells
from monitoring_dagster.profiles.keyed import KINDS
from monitoring_dagster.profiles.profile import EVERYTHING, ColumnCounts
from monitoring_dagster.profiles.reference import FrozenReference

MAX_SET = 50
"""Categories of a column up to which the set of them is expected."""

MIN_DAYS = 5
"""Days of a reference from which its first ones can be compared with its last ones."""

_MARGIN_SPANS = 1.0
_FAR_SPANS = 10.0


@dataclass(frozen=True)
class _History:
    """One column of the reference, day by day, all traffic together."""

    name: str
    column: Column
    kind: Kind
    days: Sequence[ColumnCounts]

    @property
    def earlier(self) -> Sequence[ColumnCounts]:
        """The first two thirds of the days."""
        return self.days[: 2 * len(self.days) // 3]

    @property
    def later(self) -> Sequence[ColumnCounts]:
        """The last third of the days."""
        return self.days[2 * len(self.days) // 3 :]


def learn(monitor: Monitor, reference: FrozenReference) -> list[Expectation]:
    """Expectations that the reference's own days never broke.

    Warnings, except for a column that is mostly null or mostly far out of range, which cannot
    be used and is `critical`.
    """
    histories, rows = _histories(monitor, reference)
    learnt: list[Expectation] = []
    for kind, counts in rows.items():
        learnt += _row_count(kind, counts)
    for history in histories:
        learnt += _not_null(history)
        cells = reference.grid.columns[history.name]
        if isinstance(cells, NumericCells):
            learnt += _between(history)
        elif history.column.stored_type is not ColumnType.BOOLEAN:
            learnt += _in_set(history, cells)
    return learnt


def _histories(
    monitor: Monitor, reference: FrozenReference
) -> tuple[list[_History], dict[Kind, list[int]]]:
    """Per column its days, and per kind the rows of each day; one pass over the stored days."""
    found: dict[str, list[ColumnCounts]] = {}
    rows: dict[Kind, list[int]] = {}
    for day in sorted(reference.days):
        whole = reference.days[day].groups.get(EVERYTHING)
        for name, counts in (whole.columns if whole else {}).items():
            found.setdefault(name, []).append(counts)
        by_kind = {
            _kind(monitor.columns[name]): counts.rows
            for name, counts in (whole.columns if whole else {}).items()
        }
        for kind, n in by_kind.items():
            rows.setdefault(kind, []).append(n)
    histories = [
        _History(name, monitor.columns[name], _kind(monitor.columns[name]), days)
        for name, days in found.items()
        if name in monitor.columns
    ]
    return histories, rows


def _kind(column: Column) -> Kind:
    """The snapshot that the column is counted from."""
    return next(kind for kind in KINDS if kind in column.telemetry_kinds)


def _expectation(
    history: _History,
    expect: str,
    *,
    mostly: float,
    because: str,
    severity: Severity = Severity.WARNING,
    **about: object,
) -> Expectation:
    return Expectation.model_validate(
        {
            "expect": expect,
            "of": history.kind,
            "column": history.name,
            "mostly": round(mostly, 4),
            "severity": severity,
            "because": because,
            **about,
        }
    )


def _row_count(kind: Kind, rows: Sequence[int]) -> list[Expectation]:
    """Between a third of the least day and three times the greatest."""
    if len(rows) < MIN_DAYS:
        return []
    return [
        Expectation.model_validate(
            {
                "expect": "row_count",
                "of": kind,
                "minimum": float(math.floor(min(rows) / 3)),
                "maximum": float(math.ceil(max(rows) * 3)),
                "because": f"the reference's {len(rows)} days have {min(rows)} to {max(rows)} rows",
            }
        )
    ]


def _not_null(history: _History) -> list[Expectation]:
    """No more nulls than on the reference's worst day, and what chance adds to it."""
    rows = sum(day.rows for day in history.days)
    if not rows:
        return []
    empty = [day.nulls + day.nans for day in history.days]
    worst = max(n / day.rows for n, day in zip(empty, history.days, strict=True) if day.rows)
    usual = (sum(empty) + 1) / (rows + 2)
    typical_rows = rows / len(history.days)
    allowed = worst + 0.01
    if any(empty):
        allowed += 4 * math.sqrt(usual * (1 - usual) / typical_rows)
    told = f"at most {worst:.1%} of a day of the reference is null"
    learnt: list[Expectation] = []
    if allowed < 0.5:
        learnt.append(_expectation(history, "not_null", mostly=1 - allowed, because=told))
    if allowed < 0.25:
        learnt.append(
            _expectation(history, "not_null", mostly=0.5, because=told, severity=Severity.CRITICAL)
        )
    return learnt


def _between(history: _History) -> list[Expectation]:
    """Around the reference's range; a score or a latency has its natural bounds."""
    lows = [day.minimum for day in history.days if day.n]
    highs = [day.maximum for day in history.days if day.n]
    if not lows:
        return []
    low, high = min(lows), max(highs)
    told = f"the reference's values lie between {low:g} and {high:g}"
    if history.column.role is Role.LATENCY:
        if low < 0:
            return []
        return [_expectation(history, "between", mostly=0.99, because=told, minimum=0.0)]
    if history.column.role is Role.SCORE and low >= 0 and high <= 1:
        return [
            _expectation(
                history,
                "between",
                mostly=mostly,
                because=told,
                severity=severity,
                minimum=0.0,
                maximum=1.0,
            )
            for mostly, severity in ((0.99, Severity.WARNING), (0.5, Severity.CRITICAL))
        ]
    # What grows with time, or never varied, has no range that can be expected.
    if not _is_steady(history) or low == high:
        return []
    learnt: list[Expectation] = []
    wide = (0.95, Severity.WARNING, _widened(low, high, _MARGIN_SPANS))
    far = (0.5, Severity.CRITICAL, _widened(low, high, _FAR_SPANS))
    for mostly, severity, (lowest, highest) in (wide, far):
        if math.isfinite(lowest) and math.isfinite(highest):
            learnt.append(
                _expectation(
                    history,
                    "between",
                    mostly=mostly,
                    because=told,
                    severity=severity,
                    minimum=lowest,
                    maximum=highest,
                )
            )
    return learnt


def _widened(low: float, high: float, spans: float) -> tuple[float, float]:
    """The range with a margin; what was never negative is not expected to become so.

    >>> _widened(1.0, 3.0, 1.0), _widened(-1.0, 3.0, 1.0)
    ((0.0, 5.0), (-5.0, 7.0))
    """
    margin = spans * (high - low)
    return (max(low - margin, 0.0) if low >= 0 else low - margin), high + margin


def _is_steady(history: _History) -> bool:
    """Whether the last days keep the range of the first ones, half of it as margin."""
    earlier = [day for day in history.earlier if day.n]
    later = [day for day in history.later if day.n]
    if len(history.days) < MIN_DAYS or not earlier or not later:
        return False
    low, high = min(d.minimum for d in earlier), max(d.maximum for d in earlier)
    margin = 0.5 * (high - low)
    return (
        min(d.minimum for d in later) >= low - margin
        and max(d.maximum for d in later) <= high + margin
    )


def _in_set(history: _History, cells: CategoryCells) -> list[Expectation]:
    """The reference's categories, where its last days brought hardly any new one."""
    if not cells.categories or len(cells.categories) > MAX_SET or len(history.days) < MIN_DAYS:
        return []
    earlier = np.sum([day.cells for day in history.earlier], axis=0)
    later = np.sum([day.cells for day in history.later], axis=0)
    if not later.sum() or later[earlier == 0].sum() > 0.005 * later.sum():
        return []
    values: list[str | int] = list(cells.categories)
    if history.column.stored_type is ColumnType.INTEGER:
        values = [int(value) for value in cells.categories]
    told = f"the reference has these {len(values)} values"
    return [
        _expectation(history, "in_set", mostly=0.95, because=told, values=tuple(values)),
        _expectation(
            history,
            "in_set",
            mostly=0.5,
            because=told,
            severity=Severity.CRITICAL,
            values=tuple(values),
        ),
    ]
