"""What pydantic found, in plain words: got this, required that, in that line.

What is required is read from the JSON Schema of the contract, so that the loader, the editors
and the documentation never say different things.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from monitoring_dagster.monitors.agreement import Disagreements
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.document import Document
from monitoring_dagster.monitors.problems import Key, Problem, dotted, shown

Schema = dict[str, Any]


def problems_of(error: ValidationError, document: Document) -> list[Problem]:
    """One problem per mistake, with the line of its key.

    A value that fits none of several types is one mistake, although pydantic lists each type.
    """
    found: dict[tuple[Key, str], None] = {}
    for details in error.errors(include_url=False):
        for key, message in _messages(details, document):
            found.setdefault((key, message))
    return [Problem(document.file, document.line_of(k), dotted(k), m) for k, m in found]


def _messages(details: ErrorDetails, document: Document) -> list[tuple[Key, str]]:
    kind, context = details["type"], details.get("ctx", {})
    key = _place(details["loc"], document, is_missing=kind == "missing")
    if kind == "value_error":
        cause: object = context.get("error")
        if isinstance(cause, Disagreements):
            return [((*key, *d.path), d.text) for d in cause.found]
        return [(key, str(cause))]
    if kind == "extra_forbidden":
        return [(key, _unknown(key, document))]
    if kind == "missing":
        return [(key, f"is missing, required {required(_schema_at(key, document))}")]
    if kind == "union_tag_not_found":
        return [((*key, "kind"), "is missing, required one of parquet, csv, sql")]
    if kind == "union_tag_invalid":
        got = shown(context.get("tag"))
        return [((*key, "kind"), f"got {got}, required one of parquet, csv, sql")]
    if details["loc"] and details["loc"][-1] == "[key]":
        return [(key, "is not a column's name, required 1 to 128 characters")]
    value = document.at(key)
    got = shown(value)
    if isinstance(value, str) and kind.startswith("string_too"):
        got = f"{len(value)} characters"
    return [(key, f"got {got}, required {required(_schema_at(key, document))}")]


def _place(location: tuple[str | int, ...], document: Document, *, is_missing: bool) -> Key:
    """Where pydantic's location lies in the document, without the names of union branches."""
    key: Key = ()
    for position, part in enumerate(location):
        value = document.at(key)
        is_last = position == len(location) - 1
        if isinstance(value, dict) and isinstance(part, str):
            if value.get("kind") == part and not is_last:
                continue  # the branch of a source, which its own `kind` chose
            if part in value or (is_missing and is_last):
                key = (*key, part)
        elif isinstance(value, list) and isinstance(part, int):
            key = (*key, part)
    return key


def _unknown(key: Key, document: Document) -> str:
    name = str(key[-1])
    section = key[:-1]
    schema = _branch(_schema_at(section, document), document.at(section))
    known = sorted(_properties(schema))
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"is an unknown key; did you mean {near[0]}?"
    if re.search(r"token|secret|password|credential", name, re.IGNORECASE):
        return "is an unknown key; a monitor holds no secret, give it to the process's environment"
    return f"is an unknown key; known here are {', '.join(known)}"


def required(schema: Schema) -> str:
    """What a value of this schema is, in plain words.

    >>> required({"type": "integer", "minimum": 1, "maximum": 366})
    'a whole number from 1 to 366'
    >>> required({"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": "null"}]})
    'text, or true or false'
    """
    schema = _resolved(schema)
    branches = cast("list[Schema]", schema.get("anyOf") or schema.get("oneOf") or [])
    if branches:
        words = [required(b) for b in branches if b.get("type") != "null"]
        return ", or ".join(dict.fromkeys(words))
    if "const" in schema:
        return shown(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    if schema.get("format") == "date":
        return "a date such as 2026-01-31"
    if schema.get("type") == "array":
        return _a_list(schema)
    if schema.get("type") == "object":
        needed = schema.get("required", [])
        return f"a section with {', '.join(needed)}" if needed else "a section"
    names = {"integer": "a whole number", "number": "a number", "boolean": "true or false"}
    return names.get(str(schema.get("type")), "text") + _bounds(schema)


def _a_list(schema: Schema) -> str:
    low, high = schema.get("minItems"), schema.get("maxItems")
    size = f" of {low} to {high}" if high else f" of at least {low}" if low else ""
    return f"a list{size}, each {required(schema.get('items', {}))}"


def _bounds(schema: Schema) -> str:
    if "minLength" in schema or "maxLength" in schema:
        low, high = schema.get("minLength", 0), schema.get("maxLength")
        if low == high:
            return f" of {low} character{'s' if low != 1 else ''}"
        return f" of {low} to {high} characters" if high else f" of at least {low} character"
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    words = [
        f"{word} {bound}"
        for word, bound in (
            ("at least", low),
            ("at most", high),
            ("above", above),
            ("below", below),
        )
        if bound is not None
    ]
    return f" {' and '.join(words)}" if words else ""


@cache
def _root() -> Schema:
    return Monitor.model_json_schema(by_alias=True)


def _resolved(schema: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return _resolved(_root()["$defs"][str(reference).rsplit("/", 1)[-1]])


def _schema_at(key: Key, document: Document) -> Schema:
    """The schema of a place in the document; empty where the contract knows no such place."""
    schema = _root()
    for depth, part in enumerate(key):
        schema = _child(_branch(schema, document.at(key[:depth])), part)
    return schema


def _branch(schema: Schema, value: object) -> Schema:
    """The one branch of a union that the value belongs to."""
    schema = _resolved(schema)
    branches = [b for b in schema.get("anyOf", []) if b.get("type") != "null"]
    if branches:
        schema = _resolved(branches[0])
    if "discriminator" in schema:
        kinds: dict[str, str] = schema["discriminator"]["mapping"]
        kind = str(cast("dict[str, object]", value).get("kind")) if isinstance(value, dict) else ""
        return _resolved({"$ref": kinds.get(kind, next(iter(kinds.values())))})
    return schema


def _child(schema: Schema, part: str | int) -> Schema:
    if isinstance(part, int):
        return schema.get("items", {})
    properties = _properties(schema)
    if part in properties:
        return properties[part]
    others = schema.get("additionalProperties")
    return cast("Schema", others) if isinstance(others, dict) else {}


def _properties(schema: Schema) -> dict[str, Schema]:
    return _resolved(schema).get("properties", {})
