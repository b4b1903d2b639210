"""The documentation of monitors is complete, and its example loads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text
from monitoring_dagster.monitors.schema import schema_text
from monitoring_dagster.monitors.vocabulary import (
    ColumnType,
    Kind,
    LabelDay,
    LatencyUnit,
    Materiality,
    Privacy,
    Role,
    Severity,
    Task,
    Weekday,
)

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "monitors.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[0]
SCHEMA = json.loads(schema_text())


def test_the_example_loads() -> None:
    monitor = load_text(EXAMPLE, "credit_default.yaml")
    assert monitor.name == "credit_default"


def test_the_example_gives_every_section() -> None:
    given = load_text(EXAMPLE, "credit_default.yaml").model_fields_set
    assert set(Monitor.model_fields) - given == {"last_day"}


def test_the_problems_that_are_shown_are_those_of_the_example() -> None:
    shown = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)[0]
    broken = EXAMPLE.replace("task: binary", "task: binery").replace("max_values:", "max_value:")
    with pytest.raises(MonitorInvalid) as refused:
        load_text(broken, "credit_default.yaml")
    assert str(refused.value) + "\n" == shown


@pytest.mark.parametrize("section", ["Monitor", *SCHEMA["$defs"]])
def test_every_key_is_explained_below_the_example(section: str) -> None:
    node = SCHEMA if section == "Monitor" else SCHEMA["$defs"][section]
    explained = TEXT.split("## The sections", 1)[1]
    assert [key for key in node.get("properties", {}) if f"`{key}`" not in explained] == []


@pytest.mark.parametrize(
    "words",
    [ColumnType, Kind, LabelDay, LatencyUnit, Materiality, Privacy, Role, Severity, Task, Weekday],
    ids=lambda words: words.__name__,
)
def test_every_word_to_choose_from_is_named(words: type[Role]) -> None:
    assert [word for word in words if f"`{word}`" not in TEXT] == []


def test_every_word_of_the_glossary_is_explained_once() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \|", (DOCS / "glossary.md").read_text(), re.MULTILINE)
    assert len(words) == len(set(words))
    assert {"monitor", "snapshot", "reference", "grid", "profile", "measurement"} <= set(words)
