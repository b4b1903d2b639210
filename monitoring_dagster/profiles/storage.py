"""Profiles and outcomes as Parquet files in the lake, equal content as equal bytes.

One row per group and array, arrays in sparse form: the positions and the values that are not
zero. The fingerprint of what was counted travels in the file's metadata.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.errors import SnapshotCorrupt
from monitoring_dagster.profiles.outcomes import (
    BinaryCounts,
    LabelCounts,
    MulticlassCounts,
    OutcomeCounts,
    Outcomes,
    RegressionCounts,
)
from monitoring_dagster.profiles.profile import ColumnCounts, Group, GroupCounts, Profile
from monitoring_dagster.telemetry.lake import Lake

FORMAT = "1"
Folder = Literal["profiles", "outcomes"]

REQUESTS, FAILURES = "@requests", "@failures"
"""Rows of a profile's file that hold a group's traffic by hour."""

_ARRAY = [
    pa.field("positions", pa.list_(pa.int32())),
    pa.field("counts", pa.list_(pa.int64())),
]
PROFILE_SCHEMA = pa.schema(
    [
        pa.field("model_version", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("column", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("nulls", pa.int64()),
        pa.field("nans", pa.int64()),
        pa.field("positive_infinities", pa.int64()),
        pa.field("negative_infinities", pa.int64()),
        pa.field("total", pa.float64()),
        pa.field("total_squares", pa.float64()),
        pa.field("minimum", pa.float64()),
        pa.field("maximum", pa.float64()),
        pa.field("unseen", pa.map_(pa.string(), pa.int64())),
        pa.field("cells", pa.int32()),
        *_ARRAY,
    ]
)
OUTCOMES_SCHEMA = pa.schema(
    [
        pa.field("model_version", pa.string()),
        pa.field("segment", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("name", pa.string()),
        pa.field("shape", pa.list_(pa.int32())),
        *_ARRAY,
        pa.field("sums", pa.list_(pa.float64())),
    ]
)
_KINDS: dict[str, type[BinaryCounts | MulticlassCounts | RegressionCounts | LabelCounts]] = {
    "binary": BinaryCounts,
    "multiclass": MulticlassCounts,
    "regression": RegressionCounts,
    "labels": LabelCounts,
}


def path(monitor_name: str, folder: Folder, day: dt.date) -> str:
    """Where the lake keeps a day's counts.

    >>> path("flights", "profiles", dt.date(2026, 1, 5))
    'flights/profiles/2026-01-05.parquet'
    """
    return f"{monitor_name}/{folder}/{day.isoformat()}.parquet"


def write_profile(
    lake: Lake, monitor_name: str, day: dt.date, profile: Profile, *, fingerprint: str
) -> None:
    """Keep the profile of a day; what was there is replaced as a whole."""
    lake.write(path(monitor_name, "profiles", day), profile_to_bytes(profile, fingerprint))


def read_profile(lake: Lake, monitor_name: str, day: dt.date) -> Profile | None:
    """The profile of a day, or None."""
    where = path(monitor_name, "profiles", day)
    content = _content(lake, where)
    return None if content is None else profile_from_bytes(content, where)


def write_outcomes(
    lake: Lake, monitor_name: str, day: dt.date, outcomes: Outcomes, *, fingerprint: str
) -> None:
    """Keep the outcomes of a day; what was there is replaced as a whole."""
    lake.write(path(monitor_name, "outcomes", day), outcomes_to_bytes(outcomes, fingerprint))


def read_outcomes(lake: Lake, monitor_name: str, day: dt.date) -> Outcomes | None:
    """The outcomes of a day, or None."""
    where = path(monitor_name, "outcomes", day)
    content = _content(lake, where)
    return None if content is None else outcomes_from_bytes(content, where)


def read_fingerprint(
    lake: Lake, monitor_name: str, day: dt.date, folder: Folder = "profiles"
) -> str | None:
    """The fingerprint that a day's counts were written with, or None where there are none."""
    return _described_in(lake, path(monitor_name, folder, day), "fingerprint")


def read_grid_id(
    lake: Lake, monitor_name: str, day: dt.date, folder: Folder = "profiles"
) -> str | None:
    """The grid that a day was counted on, or None where it was not."""
    return _described_in(lake, path(monitor_name, folder, day), "grid_id")


def _described_in(lake: Lake, where: str, name: str) -> str | None:
    content = _content(lake, where)
    if content is None:
        return None
    with _undamaged(where):
        return _described(pq.read_schema(_buffer(content)))[name]


def profile_to_bytes(profile: Profile, fingerprint: str) -> bytes:
    """A profile as Parquet."""
    rows = sorted(_profile_rows(profile), key=lambda r: (*r["group"], r["column"]))
    columns: dict[str, list[object]] = {name: [] for name in PROFILE_SCHEMA.names}
    for row in rows:
        group, counts = row["group"], row["counts"]
        at = np.flatnonzero(counts.cells)
        values = {
            "model_version": group.model_version,
            "segment": group.segment,
            "column": row["column"],
            "unseen": sorted(counts.unseen.items()),
            "cells": len(counts.cells),
            "positions": at.astype(np.int32),
            "counts": counts.cells[at],
        }
        for name, collected in columns.items():
            collected.append(values[name] if name in values else getattr(counts, name))
    missing = dict(sorted(profile.missing.items()))
    return _parquet(PROFILE_SCHEMA, columns, fingerprint, profile.grid_id, {"missing": missing})


def profile_from_bytes(content: bytes, where: str = "a profile") -> Profile:
    """The profile that `profile_to_bytes` wrote; SnapshotCorrupt names the damaged file."""
    table = _table(content, where)
    described = _described(table.schema)
    arrays = _dense(table, "counts", table["cells"].to_numpy(), np.int64)
    scalars = {
        name: table[name].to_pylist()
        for name in PROFILE_SCHEMA.names
        if name not in ("cells", "positions", "counts")
    }
    parts: dict[Group, dict[str, ColumnCounts]] = {}
    for at, cells in enumerate(arrays):
        row = {name: values[at] for name, values in scalars.items()}
        group = Group(row.pop("model_version"), row.pop("segment"))
        column, unseen = row.pop("column"), dict(row.pop("unseen"))
        counts = ColumnCounts(cells=cells, unseen=unseen, **row)
        parts.setdefault(group, {})[column] = counts
    groups = {group: _group(columns) for group, columns in parts.items()}
    return Profile(described["grid_id"], groups, described["missing"])


def _group(columns: dict[str, ColumnCounts]) -> GroupCounts:
    requests, failures = columns.pop(REQUESTS), columns.pop(FAILURES)
    return GroupCounts(requests.rows, columns, requests.cells, failures.cells)


def _profile_rows(profile: Profile) -> Iterator[dict]:
    for group, counts in profile.groups.items():
        yield {
            "group": group,
            "column": REQUESTS,
            "counts": ColumnCounts(counts.requests, counts.rows),
        }
        yield {
            "group": group,
            "column": FAILURES,
            "counts": ColumnCounts(counts.failures, counts.rows),
        }
        for column, of_column in counts.columns.items():
            yield {"group": group, "column": column, "counts": of_column}


def outcomes_to_bytes(outcomes: Outcomes, fingerprint: str) -> bytes:
    """Outcomes as Parquet."""
    columns: dict[str, list[object]] = {name: [] for name in OUTCOMES_SCHEMA.names}
    for group, kind, name, value in sorted(_outcome_rows(outcomes), key=lambda r: r[:3]):
        array = np.asarray(value)
        at = np.flatnonzero(array)
        found = array.ravel()[at]
        is_count = array.dtype.kind == "i"
        values = {
            "model_version": group.model_version,
            "segment": group.segment,
            "kind": kind,
            "name": name,
            "shape": list(array.shape),
            "positions": at.astype(np.int32),
            "counts": found if is_count else None,
            "sums": None if is_count else found,
        }
        for field_name, collected in columns.items():
            collected.append(values[field_name])
    return _parquet(OUTCOMES_SCHEMA, columns, fingerprint, outcomes.grid_id, {})


def outcomes_from_bytes(content: bytes, where: str = "outcomes") -> Outcomes:
    """The outcomes that `outcomes_to_bytes` wrote; SnapshotCorrupt names the damaged file."""
    table = _table(content, where)
    shapes = table["shape"].to_pylist()
    sizes = np.array([int(np.prod(shape)) for shape in shapes], dtype=np.int64)
    counts = _dense(table, "counts", sizes, np.int64)
    sums = _dense(table, "sums", sizes, np.float64)
    is_count = table["counts"].is_valid().to_pylist()
    parts: dict[tuple[str, Group], dict[str, Any]] = {}
    keys = zip(
        *(table[n].to_pylist() for n in ("model_version", "segment", "kind", "name")), strict=True
    )
    for at, (version, segment, kind, name) in enumerate(keys):
        array = (counts if is_count[at] else sums)[at].reshape(shapes[at])
        value = array if shapes[at] else array.item()
        parts.setdefault((kind, Group(version, segment)), {})[name] = value
    performance: dict[Group, OutcomeCounts] = {}
    labels: dict[Group, LabelCounts] = {}
    for (kind, group), values in parts.items():
        made = _KINDS[kind](**values)
        if isinstance(made, LabelCounts):
            labels[group] = made
        else:
            performance[group] = made
    return Outcomes(_described(table.schema)["grid_id"], performance, labels)


def _outcome_rows(outcomes: Outcomes) -> Iterator[tuple[Group, str, str, object]]:
    kinds = {made: kind for kind, made in _KINDS.items()}
    for mapping in (outcomes.performance, outcomes.labels):
        for group, counts in mapping.items():
            for each in fields(counts):
                yield group, kinds[type(counts)], each.name, getattr(counts, each.name)


def _parquet(
    schema: pa.Schema,
    columns: Mapping[str, list[object]],
    fingerprint: str,
    grid_id: str,
    more: Mapping[str, object],
) -> bytes:
    described = {"format": FORMAT, "fingerprint": fingerprint, "grid_id": grid_id, **more}
    table = pa.table(
        [pa.array(columns[f.name], f.type) for f in schema],
        schema=schema.with_metadata({"counts": json.dumps(described, sort_keys=True)}),
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return sink.getvalue()


def _table(content: bytes, where: str) -> pa.Table:
    with _undamaged(where):
        return pq.read_table(_buffer(content), page_checksum_verification=True)


@contextlib.contextmanager
def _undamaged(where: str) -> Iterator[None]:
    """Whatever cannot be read back is damage: counts are only ever written whole."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise SnapshotCorrupt(
            f"the counts in {where} are damaged ({type(error).__name__}); restore the file, or "
            "delete it and count again: a day's by its profile and outcomes, those of a reference "
            "by deleting its folder and freezing it anew"
        ) from error


def _described(schema: pa.Schema) -> dict:
    return json.loads((schema.metadata or {})[b"counts"])


def _dense(table: pa.Table, name: str, sizes: np.ndarray, dtype: type) -> list[np.ndarray]:
    """The sparse arrays of each row with their zeros."""
    positions = table["positions"].combine_chunks()
    values = table[name].combine_chunks()
    at, found = _flat(positions), _flat(values)
    position_ends, value_ends = positions.offsets.to_numpy(), values.offsets.to_numpy()
    dense: list[np.ndarray] = []
    for row, size in enumerate(sizes):
        array = np.zeros(size, dtype)
        of_row = found[value_ends[row] : value_ends[row + 1]]
        if of_row.size:
            array[at[position_ends[row] : position_ends[row + 1]]] = of_row
        dense.append(array)
    return dense


def _flat(lists: pa.ListArray) -> np.ndarray:
    return lists.values.to_numpy(zero_copy_only=False)


def _buffer(content: bytes) -> pa.BufferReader:
    return pa.BufferReader(content)


def _content(lake: Lake, where: str) -> bytes | None:
    try:
        return lake.read(where)
    except FileNotFoundError:
        return None
