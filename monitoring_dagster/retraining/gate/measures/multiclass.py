"""The metrics of a multiclass classifier at the gate; definitions are those of docs/metrics.md."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitoring_dagster.retraining.gate.compared import Floats
from monitoring_dagster.retraining.gate.measures.areas import macro_area
from monitoring_dagster.retraining.gate.measures.metric import Better, Metric, Need, Unit
from monitoring_dagster.retraining.gate.measures.sums import by_day, counted, mean, of_sums
from monitoring_dagster.retraining.gate.paired import Answers


def _log_losses(answers: Answers) -> Floats:
    of_label = answers.scores[np.arange(len(answers.labels)), answers.labels.astype(np.int64)]
    return by_day(answers, -np.log(np.clip(of_label, 1e-15, 1 - 1e-15)))


def _confusion(answers: Answers) -> Floats:
    """Rows of every day by label and decision, shape (days, k × k)."""
    k = answers.class_count
    return counted(answers, k * answers.labels.astype(np.int64) + answers.chosen, k * k)


def _margins(sums: Floats) -> tuple[Floats, Floats, Floats]:
    """Rows by class: labelled so, decided so, and both; each (m, k)."""
    k = round(float(np.sqrt(sums.shape[1])))
    table = sums.reshape(-1, k, k)
    return table.sum(axis=2), table.sum(axis=1), np.diagonal(table, axis1=1, axis2=2)


def _accuracy(sums: Floats) -> Floats:
    labelled, _, hits = _margins(sums)
    return hits.sum(axis=1) / labelled.sum(axis=1)


def _recalls(sums: Floats) -> Floats:
    labelled, _, hits = _margins(sums)
    return hits / labelled


def _precisions(sums: Floats) -> Floats:
    _, decided, hits = _margins(sums)
    return hits / decided


def _f1s(sums: Floats) -> Floats:
    labelled, decided, hits = _margins(sums)
    return 2 * hits / (labelled + decided)


def _macro(by_class: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda sums: by_class(sums).mean(axis=1)


def _weighted(by_class: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def value(sums: Floats) -> Floats:
        labelled, _, _ = _margins(sums)
        shares = labelled / labelled.sum(axis=1, keepdims=True)
        return np.where(shares > 0, shares * by_class(sums), 0.0).sum(axis=1)

    return value


EVERY = (Need.EVERY_CLASS,)


def _averaged(name: str, by_class: Callable[[Floats], Floats]) -> tuple[Metric, ...]:
    micro = of_sums(_confusion, _accuracy)  # of single labels all micro averages are the accuracy
    macro, weighted = (of_sums(_confusion, how(by_class)) for how in (_macro, _weighted))
    return (
        Metric(f"{name}_macro", Better.HIGHER, macro, needs=EVERY),
        Metric(f"{name}_micro", Better.HIGHER, micro),
        Metric(f"{name}_weighted", Better.HIGHER, weighted),
    )


METRICS = (
    Metric(
        "log_loss",
        Better.LOWER,
        of_sums(_log_losses, mean),
        Unit.OF_CHAMPION,
        (Need.PROBABILITIES,),
    ),
    Metric("accuracy", Better.HIGHER, of_sums(_confusion, _accuracy)),
    Metric("roc_auc_macro", Better.HIGHER, macro_area, needs=EVERY),
    *_averaged("precision", _precisions),
    *_averaged("recall", _recalls),
    *_averaged("f1", _f1s),
)
