"""Phrases that titles and contexts share: what broke, what was missed, names in a row.

Numbers and effects are `decisions.wording`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitoring_dagster.decisions.verdict import Level, Subject
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.incidents.incident import Signal
from monitoring_dagster.metrics.measurement import Reason
from monitoring_dagster.monitors.contract import Monitor, Slo

_OF_COLUMNS: Mapping[str, tuple[str, str]] = {
    Reason.ALL_NULL: ("has no values", "have no values"),
    Reason.COLUMN_MISSING: ("is missing", "are missing"),
    Reason.COLUMN_UNREADABLE: ("cannot be read", "cannot be read"),
    Reason.QUALITY_CHECK_FAILED: ("failed a critical check", "failed critical checks"),
}

_OF_SNAPSHOTS: Mapping[str, str] = {
    Reason.NO_ROWS: "The {kind} have no rows",
    Reason.NO_SNAPSHOT: "No {kind} have been taken",
    Reason.SOURCE_MISSING: "No {kind} were delivered",
    Reason.SOURCE_UNREADABLE: "The {kind} cannot be read",
    Reason.SOURCE_REFUSED: "The {kind} were refused",
    Reason.SOURCE_GROWING: "The {kind} are still being written",
    Reason.SNAPSHOT_CORRUPT: "The snapshot of {kind} is damaged",
    Reason.QUALITY_CHECK_FAILED: "The {kind} failed a critical check",
}


def clipped(text: str, limit: int) -> str:
    """A text of at most `limit` characters, with a sign where something was cut off.

    >>> clipped("temperature", 5), clipped("temp", 5)
    ('temp…', 'temp')
    """
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def in_a_row(names: Sequence[str], room: int) -> str:
    """The first names, as many as there is room for, and that there are more; at least one.

    >>> in_a_row(["temp", "dewp", "humid"], 15), in_a_row(["temp", "dewp"], 15)
    ('temp, dewp …', 'temp, dewp')
    """
    shown = list(names)
    while len(shown) > 1 and len(_row(shown, names)) > room:
        shown.pop()
    return clipped(_row(shown, names), room)


def _row(shown: Sequence[str], names: Sequence[str]) -> str:
    return ", ".join(shown) + (" …" if len(shown) < len(names) else "")


def and_more(names: Sequence[str]) -> str:
    """The first name, and how many follow it.

    >>> and_more(["temp"]), and_more(["temp", "dewp"]), and_more(["temp", "dewp", "humid"])
    ('temp', 'temp and dewp', 'temp and 2 more')
    """
    if len(names) == 2:
        return f"{names[0]} and {names[1]}"
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def broken(signals: Sequence[Signal], *, many: bool) -> str:
    """What is wrong with columns, in the words of the gravest signal."""
    reasons = [s.reason for s in signals if s.level is Level.CRITICAL]
    for reason, (one, more) in _OF_COLUMNS.items():
        if reason in reasons:
            return more if many else one
    if reasons:
        return "cannot be used"
    change = "fewer" if sum(s.effect or 0.0 for s in signals) < 0 else "more"
    return f"{'have' if many else 'has'} {change} nulls than usual"


def unusable(kind: str, reason: str) -> str:
    """What is wrong with a snapshot."""
    return _OF_SNAPSHOTS.get(reason, "The {kind} cannot be used").format(kind=kind)


def objective_of(monitor: Monitor, subject: Subject) -> Slo | None:
    """The objective that a subject is about; None where the document no longer has it."""
    return next((slo for slo in monitor.slos if slo.name == subject.name), None)


def missed(monitor: Monitor, subject: Subject) -> str:
    """What an objective's metric does, as in `roc_auc below 0.6`."""
    slo = objective_of(monitor, subject)
    if slo is None:
        return subject.metric
    if slo.at_least is not None:
        return f"{slo.metric} below {number(slo.at_least)}"
    return f"{slo.metric} above {number(slo.at_most)}"
