"""The committed JSON Schema is the contract's, explains every key, and agrees with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from monitoring_dagster.monitors.schema import FILE_NAME, schema_text, write_schema

FOLDER = Path(__file__).parents[2] / "monitors"


@pytest.fixture
def schema() -> Any:
    return json.loads(schema_text())


def test_the_committed_schema_is_the_contract_of_today() -> None:
    assert (FOLDER / FILE_NAME).read_text(encoding="utf-8") == schema_text(), (
        'write it anew: python -c "from pathlib import Path; '
        "from monitoring_dagster.monitors.schema import write_schema; "
        "write_schema(Path('monitors'))\""
    )


def test_it_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert write_schema(tmp_path).read_text(encoding="utf-8") == schema_text()


def test_every_key_is_explained(schema: Any) -> None:
    sections = {"Monitor": schema, **schema["$defs"]}
    silent = [
        f"{section}.{key}"
        for section, node in sections.items()
        for key, value in node.get("properties", {}).items()
        if not value.get("description")
        and not schema["$defs"][value["$ref"].rsplit("/", 1)[-1]].get("description")
    ]
    assert silent == []


def test_it_accepts_what_the_loader_accepts(schema: Any, churn: str) -> None:
    yaml = YAML(typ="safe", pure=True)
    document = yaml.load(churn)
    as_json = json.loads(json.dumps(document, default=str))
    jsonschema.Draft202012Validator(schema).validate(as_json)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("foo", 1, id="an unknown key"),
        pytest.param("owner", "bob", id="an owner that is neither team nor address"),
        pytest.param("schema_version", 2, id="a later contract"),
        pytest.param("segments", "plan", id="text where a list belongs"),
    ],
)
def test_it_refuses_what_the_loader_refuses(
    schema: Any, churn: str, key: str, value: object
) -> None:
    document = json.loads(json.dumps(YAML(typ="safe", pure=True).load(churn), default=str))
    document[key] = value
    assert not jsonschema.Draft202012Validator(schema).is_valid(document)
