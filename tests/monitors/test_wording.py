"""Each mistake in a document is told in its line, with what would be right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text

Edit = Callable[[str, str], str]
Refusals = Callable[[str], list[str]]

TASKS = "one of binary, multiclass, regression, ranking"
KINDS = "one of parquet, csv, sql"
ROOT_KEYS = (
    "alerting, columns, description, first_day, last_day, materiality, minimum_effects, model, "
    "name, owner, "
    "quality, reference, retention, retraining, schedule, schema_version, segments, slos, "
    "telemetry, time_zone"
)

MISTAKES = [
    pytest.param(
        "task: binary",
        "task: binery",
        f"7: model.task: got 'binery', required {TASKS}",
        id="a word that is none of the list",
    ),
    pytest.param(
        "  task: binary\n",
        "",
        f"6: model.task: is missing, required {TASKS}",
        id="a missing key, in the line of its section",
    ),
    pytest.param(
        "owner: team:retention",
        "owner: bob",
        "4: owner: got 'bob', required team:NAME or an e-mail address",
        id="an owner that is neither a team nor an address",
    ),
    pytest.param(
        "tenure: {role: feature, type: integer}",
        "tenure: {role: feature, tpe: integer, type: integer}",
        "29: columns.tenure.tpe: is an unknown key; did you mean type?",
        id="an unknown key with a near one",
    ),
    pytest.param(
        "first_day: 2026-02-01",
        "first_day: 2026-02-01\nzzz: 1",
        f"38: zzz: is an unknown key; known here are {ROOT_KEYS}",
        id="an unknown key with no near one",
    ),
    pytest.param(
        "      url_env: LABELS_URL",
        "      url_env: LABELS_URL\n      password: hunter2",
        "22: telemetry.labels.source.password: is an unknown key; a monitor holds no secret, "
        "give it to the process's environment",
        id="a secret, which is not repeated",
    ),
    pytest.param(
        "url_env: LABELS_URL",
        "url_env: postgresql://me:hunter2@host/db",
        "21: telemetry.labels.source.url_env: got 'postgresql://…@host/db', required the name of "
        "an environment variable, such as SCORES_URL",
        id="a URL where a variable's name belongs, without its password",
    ),
    pytest.param(
        "threshold: 0.5",
        "threshold: .nan",
        "8: model.threshold: got nan, required a number from 0 to 1",
        id="a threshold that is not a number",
    ),
    pytest.param(
        "threshold: 0.5",
        "threshold: '0.5'",
        "8: model.threshold: got '0.5', required a number from 0 to 1",
        id="text where a number belongs",
    ),
    pytest.param(
        "maturity_days: 30",
        "maturity_days: 30.0",
        "23: telemetry.labels.maturity_days: got 30.0, required a whole number from 0 to 36500",
        id="a fraction where a whole number belongs",
    ),
    pytest.param(
        "maturity_days: 30",
        "maturity_days: -1",
        "23: telemetry.labels.maturity_days: got -1, required a whole number from 0 to 36500",
        id="a negative window",
    ),
    pytest.param(
        "positive_label: 1",
        "positive_label: 1.5",
        "9: model.positive_label: got 1.5, required text, or a whole number, or true or false",
        id="a value that fits none of several types is one mistake",
    ),
    pytest.param(
        "name: churn",
        "name: 1",
        "3: name: got 1, required a name of a-z, 0-9 and _ that begins with a letter and has at "
        "most 63 characters",
        id="a number where text belongs",
    ),
    pytest.param(
        "kind: csv",
        "kind: avro",
        f"15: telemetry.predictions.kind: got 'avro', required {KINDS}",
        id="an unknown kind of source",
    ),
    pytest.param(
        "    kind: csv\n",
        "",
        f"14: telemetry.predictions.kind: is missing, required {KINDS}",
        id="a source without a kind",
    ),
    pytest.param(
        "    path: telemetry/predictions/{date}.csv\n",
        "",
        "14: telemetry.predictions.path: is missing, required text of 1 to 2000 characters",
        id="a key that is missing in a branch",
    ),
    pytest.param(
        "predictions/{date}",
        "predictions/{ds}",
        "16: telemetry.predictions.path: {ds} stands for nothing; the day is written {date}",
        id="a placeholder of another tool",
    ),
    pytest.param(
        "telemetry/predictions/",
        "s3://key:secret@bucket/",
        "16: telemetry.predictions.path: a path holds no credentials; give them to the process's "
        "environment",
        id="credentials in a path",
    ),
    pytest.param(
        'delimiter: ";"',
        'delimiter: ";;"',
        "17: telemetry.predictions.delimiter: got 2 characters, required text of 1 character",
        id="text that is too long",
    ),
    pytest.param(
        "first_day: 2026-01-01",
        "first_day: 2026-02-30",
        "35: reference.first_day: got '2026-02-30', which does not exist: day is out of range for "
        "month",
        id="a day that does not exist",
    ),
    pytest.param(
        "first_day: 2026-01-01",
        'first_day: "1362096000"',
        "35: reference.first_day: got '1362096000', required a date such as 2026-01-31",
        id="seconds since 1970",
    ),
    pytest.param(
        "first_day: 2026-02-01",
        "first_day: 9999-12-31",
        "37: first_day: got 9999-12-31, required a day from 1970-01-01 to 2999-12-31",
        id="a day after which there is no next one",
    ),
    pytest.param(
        "schema_version: 1",
        "schema_version: true",
        "2: schema_version: got true, required 1",
        id="true, which equals 1 in Python",
    ),
    pytest.param(
        "schema_version: 1",
        "schema_version: 2",
        "2: schema_version: got 2, required 1",
        id="a later contract",
    ),
    pytest.param(
        "columns: [plan]",
        "columns: plan",
        "39: segments[0].columns: got 'plan', required a list of 1 to 3, each text of 1 to 128 "
        "characters",
        id="text where a list belongs",
    ),
    pytest.param(
        "in: [features, predictions]",
        "in: [features, predctions]",
        "26: columns.scored_at.in[1]: got 'predctions', required one of features, predictions, "
        "labels",
        id="one item of a list",
    ),
    pytest.param(
        "time_zone: Europe/Paris",
        "time_zone: Mars/Base",
        "5: time_zone: 'Mars/Base' is not a time zone of the IANA database, such as Europe/Paris",
        id="a zone that does not exist",
    ),
    pytest.param(
        "currency: EUR",
        "currency: euro",
        "53: slos[0].kpi.currency: got 'euro', required a currency code of three letters, such "
        "as EUR",
        id="a currency in words, three sections deep",
    ),
    pytest.param(
        "cost_per_unit: 1e3",
        "cost_per_unit: 0",
        "52: slos[0].kpi.cost_per_unit: got 0, required a number above 0",
        id="a bound that is excluded",
    ),
    pytest.param(
        "segments:\n  - columns: [plan]",
        "segments:",
        "38: segments: got nothing, required a list, each a section with columns",
        id="a key without a value",
    ),
    pytest.param(
        "  plan: {role: feature, type: category}",
        "  '': {role: feature, type: category}\n  plan: {role: feature, type: category}",
        "28: columns.: is not a column's name, required 1 to 128 characters",
        id="a column without a name",
    ),
    pytest.param(
        "      minimum: 0\n",
        "      minimum: 601\n",
        "42: quality.expectations[0]: minimum 601.0 is above maximum 600.0",
        id="bounds that exclude everything",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES)
def test_a_mistake_is_told_in_its_line_with_what_would_be_right(
    old: str, new: str, message: str, edited: Edit, refusals: Refusals
) -> None:
    assert refusals(edited(old, new)) == [f"churn.yaml:{message}"]


def test_all_mistakes_of_a_document_are_told_at_once(churn: str, refusals: Refusals) -> None:
    text = (
        churn.replace("task: binary", "task: binery")
        .replace("owner: team:retention", "ownr: team:retention")
        .replace("kind: csv", "kind: avro")
        .replace("role: latency", "role: latncy")
        .replace("      maximum: 600", "      maximum: 600\n      maximum: 700")
    )
    assert [line.split(": ")[:2] for line in refusals(text)] == [
        ["churn.yaml:2", "owner"],
        ["churn.yaml:4", "ownr"],
        ["churn.yaml:7", "model.task"],
        ["churn.yaml:15", "telemetry.predictions.kind"],
        ["churn.yaml:32", "columns.latency.role"],
        ["churn.yaml:46", "quality.expectations[0].maximum"],
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "csv", "sql", "str", "name", "role", "x"]), inner
        )
    ),
    max_leaves=6,
)


@given(data=st.data())
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_stands_in_place_of_a_value_is_told_with_its_place(
    data: st.DataObject, churn_monitor: Monitor
) -> None:
    document = churn_monitor.model_dump(mode="json", by_alias=True)
    place: Any = document
    key = data.draw(st.sampled_from(list(place)))
    while data.draw(st.booleans()) and isinstance(place[key], dict) and place[key]:
        place = place[key]
        key = data.draw(st.sampled_from(list(place)))
    place[key] = data.draw(JSON)
    lines = told(json.dumps(document, indent=1))
    assert all(re.match(r"churn\.yaml:\d+: (?!is not YAML).+", line) for line in lines)


def told(text: str) -> list[str]:
    try:
        load_text(text, "churn.yaml")
    except MonitorInvalid as error:
        return str(error).splitlines()
    return []
