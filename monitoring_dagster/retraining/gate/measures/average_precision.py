"""Average precision with all days and without each, from one sort."""

from __future__ import annotations

import numpy as np

from monitoring_dagster.retraining.gate.compared import Bools, Floats
from monitoring_dagster.retraining.gate.paired import Answers


def average_precision(answers: Answers) -> Floats:
    """Sum of (recall step) × precision from the highest score down, shape (1 + days,).

    NaN where no positive row would be left. Rows of one score are ties.
    Source: Manning, Raghavan and Schütze, Introduction to Information Retrieval, section 8.4.
    """
    order = np.argsort(-answers.scores)
    positive, day = answers.is_positive[order].astype(np.float64), answers.days[order]
    last = np.concatenate([np.diff(answers.scores[order]) != 0, [True]])
    found = [_of(np.ones(len(day)), positive, last)]
    for number in range(answers.day_count):
        kept = (day != number).astype(np.float64)
        found.append(_of(kept, kept * positive, last))
    return np.array(found)


def _of(rows: Floats, positives: Floats, last: Bools) -> float:
    reached, true = np.cumsum(rows)[last], np.cumsum(positives)[last]
    if true[-1] == 0:
        return float("nan")
    precision = true / np.maximum(reached, 1.0)
    return float((np.diff(true, prepend=0.0) @ precision) / true[-1])
