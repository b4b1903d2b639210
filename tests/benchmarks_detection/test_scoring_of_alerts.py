"""The score: what counts as found, and what as naming the right one."""

from __future__ import annotations

import datetime as dt
import math

import pytest

from benchmarks.detection.alerts import Alert
from benchmarks.detection.faults import Blame, Fault
from benchmarks.detection.scoring import alarm_share, found, summarised
from benchmarks.tables import Table

DAYS = [dt.date(2026, 1, d) for d in (1, 2, 3)]
FAULT = Fault("mean_shift", "small", 0.3, "{} σ", Blame("inputs", ("x",)), lambda i: i.rows)


def test_an_alert_that_the_day_has_anyway_finds_nothing() -> None:
    standing = {day: [Alert("psi", "x")] for day in DAYS}
    assert found(FAULT, standing, standing).days == math.inf


def test_the_first_new_alert_counts_and_what_it_names_is_told() -> None:
    unchanged = {day: [Alert("psi", "y")] for day in DAYS}
    changed = {**unchanged, DAYS[1]: [Alert("psi", "y"), Alert("psi", "x"), Alert("psi", "score")]}
    run = found(FAULT, unchanged, changed)
    assert (run.days, run.is_right, run.others) == (2, True, 1)


def test_a_miss_makes_the_median_late_and_is_not_asked_whom_it_named() -> None:
    hit = found(FAULT, {}, {DAYS[0]: [Alert("psi", "x")]})
    miss = found(FAULT, {}, {DAYS[0]: []})
    summary = summarised([hit, miss, miss])
    assert summary.recall == pytest.approx(1 / 3)
    assert summary.median_days == math.inf
    assert summary.right == 1.0


def test_a_segment_is_named_only_by_an_alert_of_that_segment() -> None:
    blame = Blame("performance", segment="region=south")
    assert Alert("accuracy", segment="region=south").names(blame)
    assert not Alert("accuracy").names(blame)
    assert not Alert("psi", "x", "region=south").names(blame)


def test_the_share_of_days_counts_days_and_not_alerts() -> None:
    days = {DAYS[0]: [Alert("psi", "x")] * 3, DAYS[1]: [], DAYS[2]: []}
    assert alarm_share(days) == pytest.approx(1 / 3)
    assert math.isnan(alarm_share({}))


def test_a_table_prints_as_markdown_with_its_notes() -> None:
    printed = str(Table("Title", ("a", "b"), [["1", "two"]], ["why"]))
    assert printed.splitlines()[1:] == [
        "## Title",
        "",
        "| a | b   |",
        "| - | --- |",
        "| 1 | two |",
        "",
        "- why",
    ]
