"""What plots show, and what they must not."""

from __future__ import annotations

import datetime as dt
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from monitoring_dagster.retraining import plots
from monitoring_dagster.retraining.plots import DayFigures, Plot

HOSTILE = '$\\alpha$ <script>alert("1")</script> --> ]]> 名前'


@pytest.fixture(scope="module")
def labels() -> plots.Floats:
    return (np.random.default_rng(1).random(2_000) < 0.3).astype(float)


@pytest.fixture(scope="module")
def answers(labels: plots.Floats) -> plots.Answers:
    random = np.random.default_rng(2)
    return {
        "champion": np.clip(0.2 + 0.1 * labels + random.normal(0, 0.1, 2_000), 0, 1),
        "challenger": np.clip(0.2 + 0.2 * labels + random.normal(0, 0.1, 2_000), 0, 1),
    }


def drawn(labels: plots.Floats, answers: plots.Answers) -> list[Plot]:
    points = [
        DayFigures(dt.date(2013, 6, day), 100, {"champion": 0.6, "challenger": 0.7})
        for day in range(1, 29)
    ]
    found = [
        plots.roc(labels, answers),
        plots.calibration(labels, answers),
        plots.residuals(labels, answers),
        plots.importance({"hour": 0.08, HOSTILE: 0.01, "minute": -0.001}, "roc_auc"),
        plots.daily(points, HOSTILE),
    ]
    return [plot for plot in found if plot is not None]


def test_every_plot_is_a_document_that_needs_nothing_else(
    labels: plots.Floats, answers: plots.Answers
) -> None:
    found = drawn(labels, answers)
    assert [plot.name for plot in found] == [
        "roc",
        "calibration",
        "residuals",
        "importance",
        "daily",
    ]
    for plot in found:
        root = ET.fromstring(plot.svg)  # noqa: S314 - our own
        assert root.tag.endswith("svg")
        assert not [e for e in root.iter() if e.tag.endswith(("script", "image", "foreignObject"))]
        links = [v for e in root.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert all(link.startswith("#") for link in links)
        assert "prefers-color-scheme:dark" in plot.svg
        assert plot.alternative


def test_the_same_figures_give_the_same_bytes(labels: plots.Floats, answers: plots.Answers) -> None:
    assert drawn(labels, answers) == drawn(labels, answers)


def test_the_areas_are_those_of_the_roc_curves(
    labels: plots.Floats, answers: plots.Answers
) -> None:
    from sklearn.metrics import roc_auc_score

    plot = plots.roc(labels, answers)
    assert plot is not None
    for model, scores in answers.items():
        assert f"{model} {roc_auc_score(labels, scores):.3f}" in plot.alternative


def test_no_point_of_a_roc_curve_stands_for_fewer_than_ten_rows() -> None:
    random = np.random.default_rng(5)
    labels = (random.random(503) < 0.4).astype(float)
    scores = np.round(random.random(503), 2)
    false, true = plots._roc_points(labels, scores)
    negatives, positives = float((1 - labels).sum()), float(labels.sum())
    rows = np.diff(false) * negatives + np.diff(true) * positives
    assert rows.min() > 10 - 1e-9
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("rows", "positives"), [(0, 0), (15, 8), (500, 9), (500, 495)], ids=lambda n: f"{n}"
)
def test_too_few_rows_of_a_class_give_no_roc_curve(rows: int, positives: int) -> None:
    labels = np.r_[np.ones(positives), np.zeros(rows - positives)]
    assert plots.roc(labels, {"challenger": np.linspace(0, 1, rows)}) is None


def test_few_rows_give_no_calibration_and_no_residuals() -> None:
    few = {"challenger": np.linspace(0, 1, 9)}
    assert plots.calibration(np.ones(9), few) is None
    assert plots.residuals(np.ones(9), few) is None


def test_answers_that_are_all_alike_can_be_drawn() -> None:
    labels = np.r_[np.ones(200), np.zeros(200)]
    same = {"champion": np.full(400, 0.5), "challenger": np.full(400, 0.5)}
    assert plots.roc(labels, same) is not None
    assert plots.calibration(labels, same) is not None
    assert plots.residuals(np.full(400, 0.5), same) is not None


def test_without_a_champion_the_challenger_is_drawn_alone(
    labels: plots.Floats, answers: plots.Answers
) -> None:
    alone = {"challenger": answers["challenger"]}
    for plot in (plots.roc(labels, alone), plots.calibration(labels, alone)):
        assert plot is not None
        assert "champion" not in plot.alternative


def test_days_of_few_rows_are_not_drawn() -> None:
    first = dt.date(2013, 6, 1)
    assert plots.daily([DayFigures(first, 9, {"champion": 0.1})], "roc_auc") is None
    later = DayFigures(dt.date(2013, 6, 9), 10, {"champion": 0.1, "challenger": 0.2})
    plot = plots.daily([DayFigures(first, 9, {"champion": 0.123456}), later], "roc_auc")
    assert plot is not None
    assert "on 1 day;" in plot.alternative
    assert "is higher on 1" in plot.alternative


def test_importance_of_nothing_is_not_drawn() -> None:
    assert plots.importance({"hour": float("nan")}, "roc_auc") is None


def test_a_model_without_a_value_on_any_day_has_no_line() -> None:
    points = [DayFigures(dt.date(2013, 6, d), 50, {"challenger": 0.7}) for d in (1, 2)]
    assert plots.daily(points, "roc_auc") is not None
