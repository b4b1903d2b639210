"""Parts of a document that contradict each other are told where the user has to look."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Edit = Callable[[str, str], str]
Refusals = Callable[[str], list[str]]

PLAN = "  plan: {role: feature, type: category}"

CONTRADICTIONS = [
    pytest.param(
        "request_id: {role: id}",
        "request_id: {role: feature, type: text}",
        "24: columns: no column has role id, which joins predictions with labels",
        id="nothing joins predictions with labels",
    ),
    pytest.param(
        "spend: {role: feature, type: number}",
        "spend: {role: weight}\n  volume: {role: weight}",
        "31: columns.volume.role: columns spend, volume all have role weight; one may have it",
        id="two columns of a role that one may have",
    ),
    pytest.param(
        "spend: {role: feature, type: number}",
        "asked_at: {role: timestamp, in: [features]}",
        "30: columns.asked_at.role: features has 2 columns of role timestamp; one may have it "
        "(`in` says which kinds of telemetry carry a column)",
        id="two times in one kind of telemetry",
    ),
    pytest.param(
        PLAN,
        f"{PLAN}\n  Plan: {{role: feature, type: category}}",
        "29: columns.Plan: columns 'plan' and 'Plan' differ in case only",
        id="names that differ in case only",
    ),
    pytest.param(
        PLAN,
        f"{PLAN}\n  '@plan': {{role: feature, type: category}}",
        "29: columns.@plan: column '@plan' begins with @, which is reserved",
        id="a reserved name",
    ),
    pytest.param(
        "  threshold: 0.5\n",
        "",
        "6: model.threshold: a binary model that logs scores and no decision needs "
        "model.threshold (the score from which the deployed model decides positive)",
        id="a score without a decision or a threshold",
    ),
    pytest.param(
        "positive_label: 1",
        "positive_label: yes",
        "9: model.positive_label: label 'churned' has type integer and the positive_label 'yes' "
        "another, so that none may equal it; write it as the labels hold it, text in quotes",
        id="a positive label that no label can equal",
    ),
    pytest.param(
        "spend: {role: feature, type: number}",
        "spend: {role: feature}",
        "30: columns.spend.type: a column of role feature needs a type: one of integer, number, "
        "boolean, category, text, timestamp",
        id="a feature without a type",
    ),
    pytest.param(
        PLAN,
        "  plan: {role: feature, type: text, privacy: direct}",
        "28: columns.plan.privacy: a direct identifier cannot be a feature or a segment; use role "
        "entity, or lower its privacy class if it does not identify anybody",
        id="an identifier as a feature",
    ),
    pytest.param(
        "spend: {role: feature, type: number}",
        "spend: {role: feature, type: number, unit: seconds}",
        "30: columns.spend.unit: unit is for role latency; this column has role feature",
        id="a setting that the role has no use for",
    ),
    pytest.param(
        "spend: {role: feature, type: number}",
        "spend: {role: feature, type: number, time_zone: UTC}",
        "30: columns.spend.time_zone: time_zone is for type timestamp; this column has type number",
        id="a zone of a number",
    ),
    pytest.param(
        "columns: [plan]",
        "columns: [pln]",
        "39: segments[0].columns: segment column 'pln' is not declared in columns; "
        "did you mean plan?",
        id="a segment of a column that is not declared",
    ),
    pytest.param(
        "columns: [plan]",
        "columns: [spend]",
        "39: segments[0].columns: segment column 'spend' has type number; it must be category, "
        "boolean or integer",
        id="a segment of a column with too many values",
    ),
    pytest.param(
        "columns: [plan]",
        "columns: [plan, plan]",
        "39: segments[0].columns: segment plan, plan is declared twice",
        id="a column crossed with itself",
    ),
    pytest.param(
        "      column: tenure",
        "      column: score",
        "43: quality.expectations[0].column: expectation between is about 'score', which features "
        "does not carry",
        id="an expectation about a column of another snapshot",
    ),
    pytest.param(
        "    - expect: between\n      column: tenure\n      minimum: 0\n      maximum: 600",
        "    - expect: matches\n      column: customer\n      pattern: .+@.+",
        "42: quality.expectations[0].expect: 'customer' is stored as a pseudonym, so matches "
        "cannot be checked; not_null and unique can",
        id="an expectation about values that are not stored",
    ),
    pytest.param(
        "      maximum: 600\n",
        "      maximum: 600\n    - {expect: matches, column: plan, pattern: '(a'}\n",
        "46: quality.expectations[1].pattern: '(a' is not a regular expression: missing ), "
        "unterminated subpattern at position 0",
        id="a pattern that is none",
    ),
    pytest.param(
        "first_day: 2026-02-01",
        "first_day: 2026-02-01\nlast_day: 2026-01-31",
        "38: last_day: last_day 2026-01-31 lies before first_day 2026-02-01",
        id="an end before the beginning",
    ),
    pytest.param(
        "  last_day: 2026-01-31",
        "  last_day: 2026-01-31\n  snapshots: true",
        "37: reference.snapshots: snapshots begin on first_day 2026-02-01, the reference on "
        "2026-01-01; move one of them, or read the reference from sources",
        id="a reference of snapshots that will never exist",
    ),
    pytest.param(
        "    maturity_days: 30",
        "    filed_under: arrival_day",
        "18: telemetry.labels: telemetry.labels is not filed by day, so labels needs a column of "
        "role timestamp",
        id="labels by arrival without a time of arrival",
    ),
    pytest.param(
        "first_day: 2026-02-01",
        "first_day: 2026-02-01\nretention: {snapshots_days: 29}",
        "38: retention.snapshots_days: snapshots are kept for 29 days and labels come up to 30 "
        "days late, so that they would find no predictions; keep snapshots longer",
        id="predictions that are deleted before their labels come",
    ),
    pytest.param(
        "request_id: {role: id}",
        "request_id: {role: id, in: [features, predictions]}",
        "25: columns.request_id.in: labels must carry the id 'request_id', which joins "
        "predictions with labels",
        id="labels without the id",
    ),
    pytest.param(
        "    path: telemetry/features/{date}.parquet",
        "    path: telemetry/features/{date}.parquet\n    delimiter: ';'",
        "14: telemetry.features.delimiter: delimiter is for kind csv; leave it out",
        id="a delimiter of Parquet",
    ),
    pytest.param(
        "      table: crm.churned",
        "      table: crm.churned\n      query: SELECT 1",
        "19: telemetry.labels.source: give either table or query",
        id="a table and a query",
    ),
    pytest.param(
        "      table: crm.churned",
        "      query: SELECT * FROM churned",
        "19: telemetry.labels.source: a query must use the bound parameters :day_start and "
        ":day_end, as in WHERE scored_at >= :day_start AND scored_at < :day_end",
        id="a query of everything",
    ),
    pytest.param(
        "    at_least: 0.7",
        "    at_least: 0.7\n    at_most: 0.8",
        "47: slos[0]: give either at_least or at_most",
        id="an objective with two bounds",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), CONTRADICTIONS)
def test_a_contradiction_is_told_where_the_user_has_to_look(
    old: str, new: str, message: str, edited: Edit, refusals: Refusals
) -> None:
    assert refusals(edited(old, new)) == [f"churn.yaml:{message}"]


def test_all_contradictions_are_told_at_once(churn: str, refusals: Refusals) -> None:
    text = churn.replace("  threshold: 0.5\n", "").replace("columns: [plan]", "columns: [pln]")
    assert [line.split(": ")[1] for line in refusals(text)] == [
        "model.threshold",
        "segments[0].columns",
    ]


def test_a_multiclass_model_needs_a_score_for_each_class(churn: str, refusals: Refusals) -> None:
    text = (
        churn.replace("task: binary", "task: multiclass")
        .replace("  threshold: 0.5\n  positive_label: 1\n", "  classes: [stay, leave, pause]\n")
        .replace("  score: {role: score}", "  stay: {role: score, class_label: stay}")
        .replace("type: integer}\nreference", "type: category}\nreference")
    )
    assert refusals(text) == [
        (
            "churn.yaml:30: columns.stay.class_label: the scores of a multiclass model need one "
            "class_label for each of model.classes"
        )
    ]


def test_a_regression_model_with_labels_needs_predictions(churn: str, refusals: Refusals) -> None:
    text = (
        churn.replace("task: binary", "task: regression")
        .replace("  threshold: 0.5\n", "")
        .replace("  score: {role: score}\n", "")
    )
    assert refusals(text) == [
        "churn.yaml:23: columns: a regression model with labels needs a column of role prediction"
    ]
