"""The files of one day as one table: one schema, by name, and batches that follow it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from monitoring_dagster.errors import SourceUnreadable


def unify(schemas: Sequence[tuple[str, pa.Schema]], wanted: Iterable[str]) -> pa.Schema:
    """One schema for files that may differ: columns by name, the wider type where types differ.

    A name that a file has twice is twice in the result, so that nobody takes it for a column.

    Args:
        schemas: name and schema of every file, in order.
        wanted: columns whose types must agree; others are only named, so they may differ.

    Raises:
        SourceUnreadable: a wanted column has types in two files that no type covers without loss.

    >>> day = [("a", pa.schema({"x": pa.int32()})), ("b", pa.schema({"x": pa.float64()}))]
    >>> unify(day, ["x"]).field("x").type
    DataType(double)
    """
    wanted = set(wanted)
    first: dict[str, str] = {}
    types: dict[str, pa.DataType] = {}
    twice: dict[str, pa.Field] = {}
    for file, schema in schemas:
        for new in schema:
            if len(schema.get_all_field_indices(new.name)) > 1:
                twice[new.name] = new
            known = types.setdefault(new.name, new.type)
            first.setdefault(new.name, file)
            both = known if known == new.type else _covering(known, new.type)
            if both is not None:
                types[new.name] = both
            elif new.name in wanted and new.name not in twice:
                raise SourceUnreadable(
                    f"column {new.name!r} is {known} in {first[new.name]} and {new.type} in "
                    f"{file}; files of one day must agree: write one of them again"
                )
    return pa.schema([*(pa.field(name, kind) for name, kind in types.items()), *twice.values()])


def only(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """The columns `names` that a schema has, once each, in the order of `names`."""
    once = [name for name in names if len(schema.get_all_field_indices(name)) == 1]
    return pa.schema([schema.field(name) for name in once])


def conform(
    batches: Iterable[pa.RecordBatch], file: str, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Bring batches of one file to the schema of the day; absent columns become null.

    Raises:
        SourceUnreadable: a value does not fit into the day's type.
    """
    for batch in batches:
        if batch.schema.equals(schema):
            yield batch
            continue
        columns = [_column(batch, column, file) for column in schema]
        if columns:
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
        else:
            yield batch.select([])


def _column(batch: pa.RecordBatch, wanted: pa.Field, file: str) -> pa.Array:
    index = batch.schema.get_field_index(wanted.name)
    if index < 0:
        return pa.nulls(batch.num_rows, wanted.type)
    array = batch.column(index)
    try:
        return array if array.type == wanted.type else array.cast(wanted.type)
    except pa.ArrowException as error:
        raise SourceUnreadable(
            f"column {wanted.name!r} of {file} is {array.type} and does not fit into "
            f"{wanted.type}, the type of the day's other files ({error}); write the file again"
        ) from error


def _covering(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A type that holds the values of both, or None."""
    plain = [t.value_type if pa.types.is_dictionary(t) else t for t in (one, other)]
    schemas = [pa.schema([pa.field("x", t)]) for t in plain]
    try:
        return pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except pa.ArrowException:
        return None
