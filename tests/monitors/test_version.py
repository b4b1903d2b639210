"""A monitor's version is the hash of what its document means, not of how it is written."""

from __future__ import annotations

import io
import json
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from ruamel.yaml import YAML

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import load_text

TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20
)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
FEATURES = st.fixed_dictionaries(
    {
        "role": st.just("feature"),
        "type": st.sampled_from(["integer", "number", "boolean", "category"]),
    },
    optional={"privacy": st.sampled_from(["none", "quasi", "sensitive"]), "description": TEXT},
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document: any features, with sections that refer to them."""
    features = draw(
        st.dictionaries(NAMES.map(lambda n: f"f_{n}"), FEATURES, min_size=1, max_size=4)
    )
    cuts = [n for n, c in features.items() if c["type"] != "number"]
    bounds = sorted(draw(st.lists(FINITE, min_size=2, max_size=2)))
    document: dict[str, Any] = {
        "schema_version": 1,
        "name": "any",
        "owner": draw(st.sampled_from(["team:a", "b@c.org"])),
        "description": draw(TEXT),
        "materiality": draw(st.sampled_from(["low", "medium", "high"])),
        "time_zone": draw(st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"])),
        "model": {"task": "binary", "threshold": draw(st.floats(0, 1))},
        "telemetry": {
            "features": {
                "kind": "csv",
                "path": "f/{date}.csv",
                "delimiter": draw(st.sampled_from(";,|")),
            },
            "predictions": {"kind": "sql", "url_env": "SCORES", "table": "scores"},
        },
        "columns": {
            "key": {"role": "id"},
            "at": {"role": "timestamp"},
            "score": {"role": "score"},
            **features,
        },
        "reference": {"first_day": "2026-01-01", "last_day": "2026-01-31"},
        "first_day": str(draw(st.dates(min_value=_day(2000), max_value=_day(2100)))),
        "schedule": {"hour": draw(st.integers(0, 23))},
        "segments": [{"columns": [name]} for name in cuts],
        "quality": {
            "expectations": [
                {
                    "expect": "between",
                    "column": next(iter(features)),
                    "minimum": bounds[0],
                    "maximum": bounds[1],
                }
            ]
        },
        "slos": [{"name": "good", "metric": "f1", "at_least": draw(FINITE)}],
    }  # fmt: skip
    return document


def _day(year: int) -> Any:
    import datetime as dt

    return dt.date(year, 1, 1)


def as_yaml(document: Any) -> str:
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.allow_unicode = True
    yaml.default_flow_style = False
    yaml.dump(document, stream)
    return stream.getvalue()


def shuffled(value: Any, order: random.Random) -> Any:
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


@given(documents())
@settings(max_examples=60, deadline=None)
def test_a_monitor_written_down_and_read_again_is_the_same_version(document: Any) -> None:
    monitor = load_text(as_yaml(document), "any.yaml")
    written = monitor.model_dump(mode="json", by_alias=True)
    again = load_text(as_yaml(written), "any.yaml")
    assert again == monitor
    assert again.config_hash == monitor.config_hash


@given(documents(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_keys_and_comments_do_not_change_the_version(
    document: Any, order: random.Random
) -> None:
    text = as_yaml(shuffled(document, order))
    commented = "# why\n" + text.replace("\nmodel:", "\n# what\nmodel: # this")
    assert (
        load_text(commented, "any.yaml").config_hash
        == load_text(as_yaml(document), "any.yaml").config_hash
    )


def _leaves(value: Any, key: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(value, dict):
        return [leaf for name, item in value.items() for leaf in _leaves(item, (*key, name))]
    if isinstance(value, list) and value:
        return [leaf for i, item in enumerate(value) for leaf in _leaves(item, (*key, i))]
    return [key]


def test_every_value_changes_the_version(churn_monitor: Monitor) -> None:
    written = churn_monitor.model_dump(mode="json", by_alias=True)
    tried = 0
    for key in _leaves(written):
        for other in (None, True, 0.25, 7, "x", "UTC", "2026-01-30", "category", "high", "a:b"):
            changed = json.loads(json.dumps(written))
            place = changed
            for part in key[:-1]:
                place = place[part]
            if place[key[-1]] == other:
                continue
            place[key[-1]] = other
            try:
                monitor = Monitor.model_validate_json(json.dumps(changed))
            except ValidationError:
                continue
            tried += 1
            assert monitor.config_hash != churn_monitor.config_hash, (key, other)
    assert tried > 100


def test_a_default_that_is_written_out_is_the_same_version(
    churn: str, churn_monitor: Monitor
) -> None:
    text = churn + "materiality: medium\nretention: {snapshots_days: 400}\nschedule: {hour: 6}\n"
    assert load_text(text, "churn.yaml").config_hash == churn_monitor.config_hash
