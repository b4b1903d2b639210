"""Measurements as a person reads them at a terminal: short numbers, and each thing said once.

Files carry every column in full precision; that is `export`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.store import ReasonCount

NAMING = ("day", "metric", "column", "segment", "model_version")
"""Columns that name a row; one that says the same in every row is said once, above the table."""

MOST_REASONS = 8


class Listing(NamedTuple):
    """A table for a terminal: what holds for all rows, the header, the cells, and the reasons."""

    heading: str
    header: list[str]
    rows: list[list[str]]
    notes: list[str]


def listing(rows: Sequence[Mapping[str, object]]) -> Listing:
    """The table of some measurements (rows of the public table), at most 120 characters wide.

    A row without a value has its reason where the interval would be; in which words, the notes
    below the table say once for each reason.
    """
    said = {name: {str(row[name]) for row in rows} for name in NAMING}
    same = [values.copy().pop() for values in said.values() if len(values) == 1]
    named = [name for name, values in said.items() if len(values) > 1]
    optional = {
        "reference": [number(row["reference_value"]) for row in rows],
        "labels": [_labels(row) for row in rows],
    }
    kept = {name: cells for name, cells in optional.items() if any(cells)}
    cells = [
        [
            *[str(row[name] or "") for name in named],
            number(row["value"]),
            _interval(row),
            number(row["n"]),
            *[cells[index] for cells in kept.values()],
        ]
        for index, row in enumerate(rows)
    ]
    monitor = str(rows[0]["monitor"])
    return Listing(
        ", ".join([monitor, *[value for value in same if value not in ("", ALL)]]),
        [*named, "value", "95 % interval", "n", *kept],
        cells,
        _notes(rows),
    )


def number(value: object, digits: int = 4) -> str:
    """A number with some significant digits; a whole part is never rounded.

    >>> [number(v) for v in (0.68715, 12345.6, 403.0, 1e-9, None)]
    ['0.6872', '12346', '403', '1e-09', '']
    """
    if not isinstance(value, int | float):
        return ""
    if math.isfinite(value) and abs(value) >= 10**digits:
        return f"{value:.0f}"
    return f"{value:.{digits}g}"


def summary(counts: Iterable[ReasonCount]) -> list[str]:
    """What became of the measurements of some days: how many have a value, and why not the rest.

    Reasons that differ in numbers alone are told once, with the first of them.
    """
    counts = list(counts)
    total = sum(c.measurements for c in counts)
    without = [c for c in counts if c.status != "ok"]
    told = f"{total} measurements"
    if not without:
        return [f"{told}, all with a value"]
    alike: dict[tuple[str, str], list[ReasonCount]] = {}
    for count in without:
        alike.setdefault((count.reason, re.sub(r"[0-9]+", "0", count.detail)), []).append(count)
    lines = [f"{told}, {sum(c.measurements for c in without)} of them without a value:"]
    ranked = sorted(alike.values(), key=lambda same: -sum(c.measurements for c in same))
    lines += [_reason_line(same) for same in ranked[:MOST_REASONS]]
    if len(ranked) > MOST_REASONS:
        lines.append(f"  and {len(ranked) - MOST_REASONS} more reasons")
    return lines


def near(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that nothing has, or else what there is.

    >>> near("rocauc", ["roc_auc", "psi"]), near("zzz", ["roc_auc", "psi"])
    ('did you mean roc_auc?', 'there are psi, roc_auc')
    >>> near("zzz", [])
    'there is none'
    """
    names = sorted(set(known) - {""})
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there are {', '.join(names)}" if names else "there is none"


def _interval(row: Mapping[str, object]) -> str:
    if row["status"] != "ok":
        return str(row["reason"])
    if row["ci_low"] is None or row["ci_high"] is None:
        return ""
    return f"{number(row['ci_low'], 3)} to {number(row['ci_high'], 3)}"


def _labels(row: Mapping[str, object]) -> str:
    """How many of the predictions have a label, and whether more are expected."""
    coverage = row["coverage"]
    share = f"{coverage:.0%}" if isinstance(coverage, float) else ""
    return f"{share} {row['maturity'] or ''}".strip()


def _notes(rows: Sequence[Mapping[str, object]]) -> list[str]:
    details: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] != "ok" and row["detail"]:
            details.setdefault(str(row["reason"]), []).append(str(row["detail"]))
    return [
        f"{reason}{', for example' if len(set(told)) > 1 else ''}: {told[0]}"
        for reason, told in details.items()
    ]


def _reason_line(same: Sequence[ReasonCount]) -> str:
    first, last = min(c.first_day for c in same), max(c.last_day for c in same)
    days = f"on {first}" if first == last else f"from {first} to {last}"
    rows = sum(c.measurements for c in same)
    return f"  {rows} {same[0].reason} {days}: {same[0].detail}".rstrip(": ")
