"""The audit log as a person reads it at a terminal."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator

from monitoring_dagster.store.audit import Checkpoint, Logged, Verification

HEADER = ("seq", "at", "who", "did", "to", "details")


def rows(logged: Iterable[Logged]) -> list[list[str]]:
    """A row of texts per row of the log, for the columns of `HEADER`."""
    return [
        [
            str(row.seq),
            f"{row.at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC",
            row.actor,
            row.action,
            f"{row.subject_type} {row.subject_id}",
            _details(row),
        ]
        for row in logged
    ]


def verification(found: Verification) -> Iterator[str]:
    """What a verification found, line by line."""
    if found.is_intact:
        yield f"intact: {found.text}"
    else:
        yield f"broken ({found.kind}): {found.text}"
        if found.first_bad_seq is not None:
            yield f"Row {found.first_bad_seq} is the first that cannot be relied on."
    for warning in found.warnings:
        yield f"warning: {warning}"
    for unchecked in found.unchecked:
        yield f"not checked: {unchecked}"


def as_json(found: Verification) -> str:
    """The same for programs."""
    return json.dumps({**found._asdict(), "exit_code": found.exit_code}, indent=1)


def checkpoint(made: Checkpoint) -> str:
    """What was signed, in a line."""
    return f"Signed: {made.head.seq} rows, the last with the hash {made.head.hash.hex()}."


def _details(row: Logged) -> str:
    if row.payload is None:
        return "(erased)"
    return ", ".join(f"{name}: {_said(value)}" for name, value in row.payload.items())


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
