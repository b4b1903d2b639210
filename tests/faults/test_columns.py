"""Rows 13 to 15, 18, 22 and 23: columns that come, go, change their type, or hold monsters."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from monitoring_dagster.monitors.contract import Kind
from tests.faults.deployment import DAY, REFERENCE, Deployment, Row, about, instants

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours


def same_besides(
    one: Deployment, other: Deployment, is_lost: Callable[[Row], bool]
) -> tuple[list[Row], set[str]]:
    """The lost measurements; and the metrics of those that should not have changed, and did.

    What the checks say of the column, a measurement of its own, is left out.
    """
    mine, theirs = one.told(), other.told()
    rows = {key: row for key, row in mine.items() if row["stage"] != "quality"}
    lost = [row for row in rows.values() if is_lost(row)]
    kept = {key: row for key, row in rows.items() if not is_lost(row)}
    return lost, {r["metric"] for key, r in kept.items() if not alike(r, theirs.get(key, {}))}


def alike(row: Row, other: Row) -> bool:
    """Whether rows are equal, up to the order in which floats were added up."""
    close = {k: pytest.approx(v, rel=1e-9) for k, v in other.items() if isinstance(v, float)}
    return row == other | close


def learning(deployment: Deployment) -> None:
    """Let expectations be learnt from the reference."""
    deployment.learns = True
    deployment.write_monitor()


def test_a_column_that_was_added_changes_nothing_but_the_number_of_undeclared_ones(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.change(
        Kind.FEATURES, lambda rows: rows.append_column("email", pa.array(["a@example.org"] * 200))
    )
    deployment.run(DAY)
    assert deployment.one("undeclared_columns", "@features")["value"] == 2
    assert sound.one("undeclared_columns", "@features")["value"] == 1
    mine, theirs = deployment.told(), sound.told()
    assert {k[1] for k in mine if mine[k] != theirs[k]} == {"undeclared_columns"}


@pytest.mark.parametrize(
    "columns",
    [["region"], ["income", "latency_ms", "status"]],
    ids=["one that traffic is cut by", "three that are only measured"],
)
def test_of_a_column_that_was_removed_nothing_is_known_and_of_all_others_everything(
    deployment: Deployment, sound: Deployment, columns: list[str]
) -> None:
    deployment.write_inputs(DAY, **dict.fromkeys(columns))
    deployment.run(DAY)
    lost, changed = same_besides(
        deployment, sound, lambda row: any(about(row, column) for column in columns)
    )
    assert lost
    assert {row["status"] for row in lost} == {"no_data"}
    assert {row["reason"] for row in lost if row["stage"] != "performance"} == {"column_missing"}
    assert changed == set()


@pytest.mark.parametrize(
    ("answered_at", "reason"),
    [
        pytest.param(None, "column_missing", id="the column is missing"),
        pytest.param(instants([None] * 200), "all_null", id="the column holds nothing but nulls"),
        pytest.param([[1]] * 200, "column_unreadable", id="the column holds no instants"),
    ],
)
def test_without_times_no_hour_is_said_to_be_silent(
    deployment: Deployment, sound: Deployment, answered_at: Any, reason: str
) -> None:
    deployment.write_inputs(DAY, answered_at=answered_at)
    deployment.run(DAY)
    lost, changed = same_besides(
        deployment, sound, lambda row: row["metric"] == "hours_without_traffic"
    )
    assert [(row["status"], row["reason"], row["value"]) for row in lost] == [
        ("no_data", reason, None)
    ]
    assert "'answered_at'" in lost[0]["detail"]
    assert changed == set()


@pytest.mark.parametrize(
    ("probability", "reason", "rate"),
    [
        pytest.param(None, "column_missing", None, id="that were removed"),
        pytest.param(pa.nulls(200, pa.float64()), "all_null", ("null_rate", 1.0), id="all null"),
        pytest.param([math.nan] * 200, "all_null", ("nan_rate", 1.0), id="all not a number"),
    ],
)
def test_scores_that_are_not_there_are_not_mistaken_for_labels_that_are_not_there(
    deployment: Deployment, probability: Any, reason: str, rate: tuple[str, float] | None
) -> None:
    learning(deployment)
    deployment.write_inputs(DAY, probability=probability)
    deployment.run(DAY)
    drift = deployment.one("wasserstein", "probability")
    assert (drift["status"], drift["reason"]) == ("no_data", reason)
    performance = deployment.one("roc_auc")
    assert (performance["status"], performance["reason"]) == ("no_data", "no_scores")
    assert performance["detail"].startswith("none of 200 labelled predictions has a score")
    assert deployment.one("label_coverage")["value"] == 1.0
    if rate is not None:
        assert deployment.one(rate[0], "probability")["value"] == rate[1]
    assert "probability" in deployment.day().quality_report(DAY).condemned_columns


def test_types_that_changed_without_loss_change_no_measurement(
    deploy: Callable[[str], Deployment],
) -> None:
    as_it_was, as_it_is = deploy("as it was"), deploy("as it is")
    frame = as_it_was.frame(DAY)
    cents = [f"{x:.2f}" for x in frame["income"]]
    as_it_was.write_inputs(DAY, income=[float(x) for x in cents])
    as_it_is.write_inputs(
        DAY,
        age=[str(x) for x in frame["age"]],
        income=[Decimal(x) for x in cents],
        region=pa.array(frame["region"]).dictionary_encode(),
        latency_ms=[repr(float(x)) for x in frame["latency_ms"]],
        version=[1] * 200,
    )
    for each in (as_it_was, as_it_is):
        each.run(DAY)
    assert as_it_is.told() == as_it_was.told()


def test_types_that_changed_with_loss_leave_no_value_and_say_what_came(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.write_inputs(
        DAY,
        age=["young", "old"] * 100,
        income=[2**53 + 1] * 200,  # the first integer that no float holds
        region=[{"name": "north"}] * 200,
    )
    deployment.run(DAY)
    lost, changed = same_besides(
        deployment, sound, lambda row: any(about(row, c) for c in ("age", "income", "region"))
    )
    assert {row["status"] for row in lost} == {"no_data"}
    assert {r["reason"] for r in lost if r["stage"] != "performance"} == {"column_unreadable"}
    assert changed == set()
    states = deployment.manifest(Kind.FEATURES).columns
    assert {name: states[name].detail for name in ("age", "income", "region")} == {
        "age": "200 of 200 values (type string, such as 'aaaaa') are not integers",
        "income": "200 of 200 values (type int64, such as '9999999999999999') are not numbers",
        "region": "values of type struct<name: string> are not text",
    }


def test_categories_that_became_integers_are_new_categories_and_not_nulls(
    deployment: Deployment,
) -> None:
    deployment.write_inputs(DAY, region=[1, 2] * 100)
    deployment.run(DAY)
    assert deployment.one("null_rate", "region")["value"] == 0
    unseen = deployment.one("unseen_rate", "region")
    assert (unseen["value"], unseen["detail"]) == (1.0, "1 (100), 2 (100)")


def test_a_column_of_nulls_is_condemned_and_has_no_drift(
    deployment: Deployment, sound: Deployment
) -> None:
    learning(deployment)
    deployment.write_inputs(DAY, income=pa.nulls(200, pa.float64()))
    deployment.run(DAY)
    drift = deployment.one("wasserstein", "income")
    assert (drift["status"], drift["reason"]) == ("no_data", "all_null")
    assert drift["detail"] == "none of 200 rows has a value: 200 null"
    assert deployment.one("null_rate", "income")["value"] == 1.0
    report = deployment.day().quality_report(DAY)
    assert "income must not be null" in report.condemned_columns["income"]
    assert same_besides(deployment, sound, lambda row: about(row, "income"))[1] == set()


def test_category_names_that_nobody_should_use_stay_apart_down_to_the_stored_table(
    deployment: Deployment,
) -> None:
    hostile = [
        "x" * 1_000_000,
        "x" * 999_999,
        "a\0b",
        "ab",
        "nan",
        "None",
        "",
        "👩‍👧",
        "👩👧",
        "\u202eabc",
        "abc",
        '=HYPERLINK("http://example.org")',
        "'; DROP TABLE measurement; --",
        "a,b=c",
    ]
    names = [hostile[i % len(hostile)] for i in range(200)]
    for day in [*REFERENCE, DAY]:
        deployment.write_inputs(day, region=names)
    remade(deployment)
    rows = deployment.measured(metric="rows", segment=None)
    segments = [row for row in rows if row["segment"].startswith("region=") and row["value"]]
    assert len(segments) == len(hostile)
    assert sum(row["value"] for row in segments) == 200
    assert all(len(row["segment"]) < 300 and "\0" not in row["segment"] for row in segments)
    drift = {r["segment"]: r for r in deployment.measured(metric="psi", column="age", segment=None)}
    assert drift.keys() >= {row["segment"] for row in segments}


def remade(deployment: Deployment) -> None:
    """Run the day against a reference that is frozen again, under another description."""
    deployment.write_monitor(**{"columns: [region]": "columns: [region]\n    max_values: 51"})
    deployment.day().freeze_reference()
    deployment.run(DAY)
