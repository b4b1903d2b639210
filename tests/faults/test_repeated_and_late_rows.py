"""Rows 5 to 9: rows that come twice, and labels that come early, late, changed or for nobody."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from monitoring_dagster.monitors.contract import Kind
from tests.faults.deployment import DAY, EVENTS, NEXT, NOW, Deployment
from tests.small_world import days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours

OF_WHAT_CAME = {"duplicate_rate", "conflict_rate", "quarantine_rate", "undeclared_columns"}
"""What is measured of all the rows that a source delivered, not of those that were stored."""


def twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table])


def with_other_incomes(table: pa.Table) -> pa.Table:
    """20 more rows under ids that are taken."""
    at = table.schema.get_field_index("income")
    again = table.slice(0, 20).set_column(at, "income", pa.array([1e6] * 20))
    return pa.concat_tables([table, again])


def test_a_day_that_is_delivered_twice_measures_as_if_it_came_once(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.run(DAY)
    for kind in EVENTS:
        deployment.change(kind, twice)
    deployment.run(DAY)
    for kind in EVENTS:
        share = deployment.one("duplicate_rate", f"@{kind}")
        assert (share["value"], share["n"]) == (0.5, 400)
    assert changes(deployment, sound).keys() == OF_WHAT_CAME


def test_of_an_id_with_two_payloads_the_first_counts_and_the_share_is_measured(
    deployment: Deployment, sound: Deployment
) -> None:
    deployment.change(Kind.FEATURES, with_other_incomes)
    deployment.run(DAY)
    conflicts = deployment.one("conflict_rate", "@features")
    assert (conflicts["value"], conflicts["n"]) == (20 / 220, 220)
    assert deployment.one("quarantine_rate", "@features")["detail"] == "20 conflicting_id"
    assert changes(deployment, sound).keys() == OF_WHAT_CAME


def test_labels_before_their_predictions_wait_for_them(
    deployment: Deployment, sound: Deployment
) -> None:
    late = deployment.source(Kind.PREDICTIONS, DAY).rename(deployment.home / "late.parquet")
    deployment.run()
    assert deployment.one("roc_auc")["status"] == "no_data"
    assert deployment.one("orphan_labels")["status"] == "no_data"
    late.rename(deployment.source(Kind.PREDICTIONS, DAY))
    deployment.run()
    assert deployment.everything() == sound.everything()


def test_labels_of_predictions_that_nobody_made_are_counted_and_count_for_nothing(
    deployment: Deployment, sound: Deployment
) -> None:
    strangers = pa.table({"request": ["x", "y", "z"], "outcome": [1, 0, 1]})
    deployment.change(Kind.LABELS, lambda known: pa.concat_tables([known, strangers]))
    deployment.run(DAY)
    assert deployment.one("orphan_labels")["value"] == 3
    assert changes(deployment, sound) == {"orphan_labels": 1}


def test_labels_that_changed_later_are_a_new_revision_of_their_day_only(
    deployment: Deployment,
) -> None:
    deployment.run()
    before = deployment.one("roc_auc")
    flipped = 1 - deployment.frame(DAY)["outcome"]
    deployment.change(
        Kind.LABELS, lambda known: known.set_column(1, "outcome", pa.array(flipped, pa.int64()))
    )
    assert set(deployment.day().changed_label_days()) == {DAY}
    deployment.run()
    after = deployment.one("roc_auc")
    truth = roc_auc_score(flipped, deployment.frame(DAY)["probability"])
    assert after["value"] == pytest.approx(truth, abs=1e-3)
    assert after["value"] == pytest.approx(1 - before["value"])
    assert deployment.revisions("performance") == {DAY: 2, NEXT: 1}
    assert deployment.revisions("drift") == {DAY: 1, NEXT: 1}


def test_of_labels_that_trickle_in_for_30_days_only_the_days_they_are_of_are_done_again(
    deployment: Deployment,
) -> None:
    deployment.write_monitor(**{"accepted_days: 10": "accepted_days: 40"})
    shares = dict.fromkeys(deployment.days, 0.0)
    for day in deployment.days:
        deployment.write_labels(day, share=0.0)
    deployment.run()
    random, done = np.random.default_rng(9), Counter(dict.fromkeys(deployment.days, 1))
    for morning in days_from(NOW.date(), 30):
        now = dt.datetime.combine(morning, dt.time(6), dt.UTC)
        arrived = {day for day in deployment.days if random.random() < 0.2 and shares[day] < 1}
        for day in arrived:
            shares[day] = min(1.0, shares[day] + 0.25)
            deployment.write_labels(day, share=shares[day])
        assert set(deployment.day(now).changed_label_days()) == arrived
        if arrived:
            run_of_late_labels(deployment, sorted(arrived), now)
        done.update(arrived)
    assert set(shares.values()) == {1.0}
    assert deployment.revisions("performance") == done == {DAY: 5, NEXT: 5}
    assert deployment.revisions("drift") == {DAY: 1, NEXT: 1}
    for day in deployment.days:
        frame, row = deployment.frame(day), deployment.one("roc_auc", day=day)
        truth = roc_auc_score(frame["outcome"], frame["probability"])
        assert (row["value"], row["coverage"]) == (pytest.approx(truth, abs=1e-3), 1.0)


def run_of_late_labels(deployment: Deployment, days: list[dt.date], now: dt.datetime) -> None:
    """The job of late labels."""
    run = deployment.day(now)
    for day in days:
        run.take(Kind.LABELS, day)
    run.check_quality(days)
    run.count_outcomes(days)
    run.measure_performance(days)


def changes(one: Deployment, other: Deployment) -> dict[str, int]:
    """By metric, how many measurements of the day differ."""
    mine, theirs = one.told(), other.told()
    assert mine.keys() == theirs.keys()
    return dict(Counter(key[1] for key, row in mine.items() if row != theirs[key]))
