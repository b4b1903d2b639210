"""The JSON Schema of a monitor's document, for editors.

It is generated from the contract and committed beside the monitors, so that the line
`# yaml-language-server: $schema=monitor.schema.json` gives completion and checks while typing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from monitoring_dagster.monitors.contract import Monitor

FILE_NAME = "monitor.schema.json"
MODELINE = f"# yaml-language-server: $schema={FILE_NAME}"


def schema_text() -> str:
    """The schema (draft 2020-12) as it is committed: stable, indented, newline at the end."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **cast("dict[str, Any]", _without_titles(Monitor.model_json_schema(by_alias=True))),
        "title": "Monitor",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schema(folder: Path) -> Path:
    """Write the schema into the folder of the monitors."""
    file = folder / FILE_NAME
    file.write_text(schema_text(), encoding="utf-8")
    return file


def _without_titles(node: object) -> object:
    """Leave out the titles that pydantic derives from names; they say nothing new."""
    if isinstance(node, list):
        return [_without_titles(item) for item in cast("list[object]", node)]
    if not isinstance(node, dict):
        return node
    section = cast("dict[str, object]", node)
    return {
        key: _without_titles(value)
        for key, value in section.items()
        if not (key == "title" and isinstance(value, str))
    }
