"""The groups that a day owes measurements of, and what is said of a column that is not there.

A group without rows is measured, too: it gets a status and a reason, never an absence.
"""

from __future__ import annotations

from collections.abc import Iterable

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.profiles import segments
from monitoring_dagster.profiles.grid import Grid
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, Profile

WHOLE = Group(ALL, ALL)
"""All traffic of all model versions."""


def owed(monitor: Monitor, grid: Grid, counted: Iterable[Group]) -> list[Group]:
    """`all`, the segments of the grid, other segments that had rows, then the model versions.

    Versions are told apart over the whole traffic only: crossed with segments they would be more
    rows than anybody reads.
    """
    seen = sorted(set(counted))
    labels = [g.segment for g in seen if g.model_version == ALL]
    return [
        *(Group(ALL, s) for s in dict.fromkeys([*segments.expected(monitor, grid), *labels])),
        *(g for g in seen if g.model_version != ALL and g.segment == ALL),
    ]


def counts_of(profile: Profile, column: str, group: Group) -> ColumnCounts | Estimate:
    """The column's counts in the group, or why there are none."""
    if (lost := missing(profile, column) or uncut(profile, group)) is not None:
        return lost
    counts = profile.column(column, group)
    if counts is None or counts.rows == 0:
        return Estimate.without(Status.NO_DATA, Reason.NO_ROWS, "the group has no rows")
    return counts


def missing(profile: Profile, column: str) -> Estimate | None:
    """What is said of a column that the day does not have; None where it has it.

    A snapshot's word for why it is missing becomes the reason where it is one of ours.
    """
    why = profile.missing.get(column)
    if why is None:
        return None
    reason = Reason(why) if why in set(Reason) else Reason.COLUMN_MISSING
    detail = f"column {column!r} is not in the day's snapshot"
    if reason is Reason.ALL_NULL:
        detail = f"column {column!r} holds nothing but nulls"
    return Estimate.without(Status.NO_DATA, reason, detail if why == reason else f"{detail}: {why}")


def uncut(profile: Profile, group: Group) -> Estimate | None:
    """What is said of a segment whose rows nobody can tell: a column that it is cut by is missing.

    Without it, traffic that was there would read as a segment without traffic.
    """
    cut_by = f",{group.segment}"
    lost = next((name for name in profile.missing if f",{name}=" in cut_by), None)
    return None if lost is None else missing(profile, lost)


def no_values(counts: ColumnCounts) -> Estimate:
    """What is said of a column that has rows and not one value in a cell."""
    infinities = counts.positive_infinities + counts.negative_infinities
    found = {"null": counts.nulls, "not a number": counts.nans, "infinite": infinities}
    what = ", ".join(f"{rows} {kind}" for kind, rows in found.items() if rows)
    return Estimate.without(
        Status.NO_DATA, Reason.ALL_NULL, f"none of {counts.rows} rows has a value: {what}"
    )


def too_few(what: str, n: int, minimum: int) -> Estimate:
    """Not enough data, with how much there is and how much is needed."""
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.TOO_FEW_ROWS,
        f"{n} {what}; at least {minimum} are required",
        n,
    )
