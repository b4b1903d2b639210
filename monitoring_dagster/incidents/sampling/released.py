"""What of a row may be in a sample: declared columns, and identifiers as pseudonyms only.

A sample lies beside the snapshots, under their retention, and holds less than they do.
"""

# Arrow has no stubs: what comes from it has no type that a strict check could know.
# pyright: standard

from __future__ import annotations

import pyarrow as pa

from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.monitors.contract import Column, Monitor, Privacy, Role
from monitoring_dagster.telemetry.kernels import pc

_PSEUDONYM = r"^p\S+_[a-z2-7]{26}$"
_OF_THE_MODEL = (Role.ID, Role.SCORE, Role.PREDICTION, Role.LABEL)


def columns(monitor: Monitor, focus: Focus) -> list[str]:
    """The columns of a sample, in the document's order.

    `quasi` identifiers are there as the snapshot has them: age and region are what drifts.
    `sensitive` ones are there only where the incident is about them, as a leading column or as
    its segment, or where they are what the model said and what came true.
    """
    return [name for name, column in monitor.columns.items() if _is_kept(name, column, focus)]


def released(rows: pa.Table, monitor: Monitor, focus: Focus) -> pa.Table:
    """The rows with the columns that may be kept, as far as they are there.

    A value of a `direct` column that does not read like a pseudonym becomes null: its snapshot
    may be older than the declaration.
    """
    kept = [name for name in columns(monitor, focus) if name in rows.column_names]
    table = rows.select(kept).replace_schema_metadata(None)
    for place, name in enumerate(kept):
        if monitor.columns[name].privacy is Privacy.DIRECT:
            table = table.set_column(place, table.field(name), _pseudonyms(table.column(name)))
    return table


def _is_kept(name: str, column: Column, focus: Focus) -> bool:
    return (
        column.privacy is not Privacy.SENSITIVE
        or column.role in _OF_THE_MODEL
        or name in focus.columns
        or f",{name}=" in f",{focus.segment}"
    )


def _pseudonyms(values: pa.ChunkedArray) -> pa.ChunkedArray:
    is_one = pc.match_substring_regex(values, pattern=_PSEUDONYM)
    return pc.if_else(is_one, values, pa.scalar(None, values.type))
