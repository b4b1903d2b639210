"""Data that cannot be used: paged once per cause, in the words of who found it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import pytest

from monitoring_dagster.decisions.verdict import Level, Reason, Rule, Verdict
from monitoring_dagster.metrics.intervals import wilson
from monitoring_dagster.metrics.measurement import Estimate, Measurement, Status
from monitoring_dagster.metrics.measurement import Reason as Cause
from monitoring_dagster.metrics.quality.condemned import Condemned
from monitoring_dagster.monitors.contract import Kind


@pytest.fixture(scope="module")
def day(world) -> list[Measurement]:
    return world.measured(0)


def pages(world, drawn, measured: Iterable[Measurement]) -> list[Verdict]:
    judged = world.judge.judge(drawn.first, list(measured))
    return [v for v in judged.verdicts if v.level is Level.CRITICAL]


@pytest.mark.parametrize("kind", ["features", "predictions"])
def test_a_missing_snapshot_pages_once_however_much_it_takes_with_it(
    world, drawn, day, kind
) -> None:
    taken = {"features": {"x0", "x1", "x2", "c0"}, "predictions": {"chance", "ms", "status"}}[kind]
    gone = drawn.lost(
        day,
        lambda m: m.column in (*taken, f"@{kind}"),
        reason=Cause.SOURCE_MISSING,
        detail=f"{kind}/2026-02-16.parquet does not exist",
    )
    (page,) = pages(world, drawn, gone)
    assert (page.subject.metric, page.subject.column) == ("snapshot_rows", f"@{kind}")
    assert page.reason == "source_missing"
    assert page.text == (f"no {kind} can be used: {kind}/2026-02-16.parquet does not exist")
    lost = [v for v in world.judge.judge(drawn.first, gone).verdicts if v.subject.column in taken]
    assert {(v.level, v.reason) for v in lost} == {(Level.NO_DATA, "source_missing")}


@pytest.mark.parametrize("cause", [Cause.COLUMN_MISSING, Cause.COLUMN_UNREADABLE, Cause.ALL_NULL])
def test_a_lost_column_pages_once_for_all_its_metrics_and_segments(
    world, drawn, day, cause
) -> None:
    gone = drawn.lost(day, lambda m: m.column == "x1", reason=cause, detail="`x1` has no values")
    (page,) = pages(world, drawn, gone)
    assert page.subject[:5] == (Rule.DATA, "psi", "x1", "all", "all")
    assert (page.reason, page.text) == (cause, "`x1` cannot be used: `x1` has no values")


def test_a_column_of_too_few_values_is_not_lost(world, drawn, day) -> None:
    few = drawn.lost(
        day, lambda m: m.column == "x1", Status.NOT_ENOUGH_DATA, Cause.TOO_FEW_ROWS, "12 values"
    )
    assert not pages(world, drawn, few)


WORDS = "`x1` lies between 18 and 120 in 41 % of rows, 99 % are required"


@dataclasses.dataclass
class Report:
    """What of a quality report `Condemned` reads."""

    condemned_columns: dict[str, str]
    condemned_day: str | None = None


def withheld(world, day: list[Measurement], report: Any) -> list[Measurement]:
    snapshots = [m for m in day if m.column.startswith("@")]
    others = [m for m in day if not m.column.startswith("@")]
    return [*snapshots, *Condemned(world.monitor, report, tuple(Kind)).withhold(others)]


def test_a_condemned_column_pages_once_with_the_words_of_its_checks(world, drawn, day) -> None:
    (page,) = pages(world, drawn, withheld(world, day, Report({"x1": WORDS})))
    assert (page.subject.rule, page.subject.column) == (Rule.DATA, "x1")
    assert (page.reason, page.text) == ("quality_check_failed", WORDS)
    judged = world.judge.judge(drawn.first, withheld(world, day, Report({"x1": WORDS})))
    drift = drawn.about(judged, Rule.DRIFT, "psi", "x1")
    assert (drift.level, drift.reason) == (Level.SUPPRESSED, "quality_check_failed")
    assert drawn.about(judged, Rule.DRIFT, "psi", "x2").level is Level.OK


def test_two_condemned_columns_are_two_causes(world, drawn, day) -> None:
    report = Report({"x1": WORDS, "x2": "`x2` is never null in 3 % of rows"})
    assert {p.subject.column for p in pages(world, drawn, withheld(world, day, report))} == {
        "x1",
        "x2",
    }


def test_two_condemned_columns_that_only_cut_the_traffic_are_told_apart(world, drawn) -> None:
    """Neither has a measurement of its own: both are told on what they took with them."""
    cut = [
        Measurement("psi", Estimate(0.01, 0.0, 0.02, 90), "x0", f"{column}=a").suppressed(
            f"`{column}` is none of its values"
        )
        for column in ("region", "carrier")
    ]
    found = pages(world, drawn, cut)
    assert len({p.subject for p in found}) == len(found) == 2
    assert {p.text for p in found} == {m.estimate.detail for m in cut}


def test_a_condemned_column_without_values_is_told_as_lost_only(world, drawn, day) -> None:
    gone = drawn.lost(day, lambda m: m.column == "x1", reason=Cause.ALL_NULL, detail="all null")
    both = [
        *gone,
        Measurement("mean_change", Estimate(0.1, 0, 1, 90), "x1", "region=other").suppressed(WORDS),
    ]
    (page,) = pages(world, drawn, both)
    assert page.reason == "all_null"


def test_a_condemned_day_is_one_cause(world, drawn, day) -> None:
    (page,) = pages(world, drawn, withheld(world, day, Report({}, "12 rows, 400 are required")))
    assert page.text == "12 rows, 400 are required"


def test_a_failed_join_column_withholds_what_is_joined_by_it(world, day) -> None:
    report: Any = Report({"chance": "`chance` lies between 0 and 1 in 3 % of rows"})
    with_labels = Condemned(world.monitor, report, tuple(Kind))
    inputs_only = Condemned(world.monitor, report, (Kind.FEATURES, Kind.PREDICTIONS))
    accuracy = next(m for m in day if m.metric == "accuracy")
    psi = next(m for m in day if (m.metric, m.column) == ("psi", "x0"))
    assert with_labels.of(accuracy) == report.condemned_columns["chance"]
    assert inputs_only.of(psi) is None


def test_what_has_no_value_keeps_its_more_exact_reason(world, drawn, day) -> None:
    report: Any = Report({"x1": WORDS})
    gone = drawn.lost(day, lambda m: m.column == "x1", reason=Cause.ALL_NULL, detail="all null")
    kept = Condemned(world.monitor, report, tuple(Kind)).withhold(gone)
    assert {m.estimate.detail for m in kept if m.column == "x1"} == {"all null"}


def labels_lost(drawn, day: list[Measurement], maturity: str) -> list[Measurement]:
    gone = drawn.lost(
        day,
        lambda m: m.maturity is not None or m.column == "@labels",
        reason=Cause.SOURCE_MISSING,
        detail="labels/2026-02-16.parquet does not exist",
    )
    return [
        dataclasses.replace(m, maturity=maturity) if m.maturity is not None else m for m in gone
    ]


def test_labels_that_are_not_due_are_no_alert(world, drawn, day) -> None:
    judged = world.judge.judge(drawn.first, labels_lost(drawn, day, "provisional"))
    assert not [v for v in judged.verdicts if v.is_alert]
    said = drawn.about(judged, Rule.DATA, "snapshot_rows", "@labels")
    assert (said.level, said.reason) == (Level.NO_DATA, Reason.PROVISIONAL)
    assert said.text.startswith("no labels yet, and none are due")


def test_labels_that_are_due_warn(world, drawn, day) -> None:
    judged = world.judge.judge(drawn.first, labels_lost(drawn, day, "final"))
    said = drawn.about(judged, Rule.DATA, "snapshot_rows", "@labels")
    assert (said.level, said.reason) == (Level.WARN, "source_missing")
    assert [v for v in judged.verdicts if v.is_alert] == [said]


@pytest.mark.parametrize(("refused", "is_told"), [(40, True), (6, False), (0, False)])
def test_more_than_one_refused_row_in_a_hundred_warns(world, drawn, day, refused, is_told) -> None:
    share = Estimate(refused / 500, *wilson(refused, 500), 500, detail=f"{refused} bad_time")
    judged = world.judge.judge(
        drawn.first, [*day, Measurement("quarantine_rate", share, "@features")]
    )
    said = [v for v in judged.verdicts if v.subject.metric == "quarantine_rate"]
    assert [(v.level, v.reason) for v in said] == [(Level.WARN, Reason.UNUSABLE)] * is_told
    if is_told:
        assert said[0].text == "8.0 % of the rows of @features were refused (40 bad_time)"


def test_a_metric_that_failed_is_an_error_and_never_silent(world, drawn, day) -> None:
    failed = drawn.lost(
        day,
        lambda m: m.metric in ("rows", "roc_auc") and m.segment == m.model_version == "all",
        Status.ERROR,
        Cause.METRIC_FAILED,
        "ZeroDivisionError: division by zero",
    )
    judged = world.judge.judge(drawn.first, failed)
    said = {v.subject.metric: v for v in judged.verdicts if v.level is Level.ERROR}
    assert said.keys() == {"rows", "roc_auc"}
    assert said["rows"].text == ("rows could not be computed: ZeroDivisionError: division by zero")
