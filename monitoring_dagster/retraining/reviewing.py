"""Reviewing: what the ML team finds at an action's MLflow run: plots, report, decision.

Made of what the gate compared; how a plot or the page looks is `plots` and `report`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitoring_dagster.decisions.importance.permutation import permutation
from monitoring_dagster.decisions.importance.scoring import score_of
from monitoring_dagster.errors import ModelRefused
from monitoring_dagster.models import Model
from monitoring_dagster.monitors.contract import Monitor, Task
from monitoring_dagster.retraining import plots, report
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.gating import Gated
from monitoring_dagster.retraining.naming import CHALLENGER, CHAMPION
from monitoring_dagster.retraining.plots import DayFigures, Plot
from monitoring_dagster.retraining.tracking import DataWindow

MOST_SHUFFLED = 2_000
"""Rows of the validation days on which features are shuffled."""

METRICS = {Task.BINARY: "roc_auc", Task.MULTICLASS: "accuracy", Task.REGRESSION: "r2"}
"""By which the daily curve and the importance are told: those of `scoring.score_of`."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Review:
    """What is reviewed.

    Args:
        action: with champion and challenger.
        monitor: its document.
        gated: the decision and the answers that it rests on.
        rows: the validation rows.
        challenger: the model, asked about shuffled features.
        windows: the data of training and validation.
        incident: ref of the incident behind the action; empty for none.
        facts: what the training can be repeated with.
        pages: addresses by name.
        written_at: when this is written.
    """

    action: Action
    monitor: Monitor
    gated: Gated
    rows: pa.Table
    challenger: Model
    windows: Sequence[DataWindow]
    incident: str
    facts: Mapping[str, str]
    pages: Mapping[str, str]
    written_at: dt.datetime


def files(review: Review) -> dict[str, bytes | str]:
    """The files of the run, by their path below it."""
    drawn = list(_plots(review))
    page = report.page(
        report.Report(
            action=review.action,
            decision=review.gated.decision,
            windows=review.windows,
            written_at=review.written_at,
            incident=review.incident,
            plots=drawn,
            facts=review.facts,
            pages=review.pages,
        )
    )
    return {
        "report.html": page,
        "decision.json": json.dumps(review.gated.decision.document(), indent=1, sort_keys=True),
        **{f"plots/{plot.name}.svg": plot.svg for plot in drawn},
    }


def _plots(review: Review) -> Iterator[Plot]:
    compared, task = review.gated.compared, review.monitor.model.task
    sides = {CHAMPION: compared.champion.scores, CHALLENGER: compared.challenger.scores}
    is_whole = np.isfinite(compared.labels)
    for scores in sides.values():
        is_whole &= np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)
    labels, days = compared.labels[is_whole], compared.days[is_whole]
    answers = {model: scores[is_whole] for model, scores in sides.items()}
    found = [plots.daily(_daily(task, labels, days, answers), METRICS[task])]
    if task is Task.BINARY:
        found += [plots.roc(labels, answers), plots.calibration(labels, answers)]
    if task is Task.REGRESSION:
        found.append(plots.residuals(labels, answers))
    found.append(plots.importance(_importance(review), METRICS[task]))
    yield from (plot for plot in found if plot is not None)


def _daily(
    task: Task, labels: Floats, days: NDArray[np.datetime64], answers: Mapping[str, Floats]
) -> list[DayFigures]:
    score = score_of(task)
    return [
        DayFigures(
            day.astype(dt.date),
            int(of_day.sum()),
            {model: score(labels[of_day], scores[of_day]) for model, scores in answers.items()},
        )
        for day in np.unique(days)
        for of_day in [days == day]
    ]


def _importance(review: Review) -> dict[str, float]:
    """What the challenger loses when a feature is shuffled; nothing where it cannot be asked."""
    labels = review.gated.compared.labels
    known = np.flatnonzero(np.isfinite(labels))
    random = np.random.default_rng(review.action.plan.get("seed", 0))
    chosen = np.sort(random.permutation(known)[:MOST_SHUFFLED])
    features = list(review.challenger.features)
    try:
        return permutation(
            review.challenger.predict,
            review.rows.select(features).take(pa.array(chosen)).combine_chunks(),
            labels[chosen],
            features,
            score_of(review.monitor.model.task),
            random,
        )
    except ModelRefused:
        return {}
