"""The trainer that the monitor's document names: the same plain model, fitted on newer flights."""

from __future__ import annotations

import numpy as np

from examples.flights.train import FEATURES, TRUSTED_TYPES, unfitted
from monitoring_dagster.retraining.training import Fitted, Task


def train(task: Task) -> Fitted:
    """Fit on the training days; as many flights are called late as are late."""
    rows, late = task.training.features[list(FEATURES)], task.training.labels.to_numpy()
    model = unfitted(task.seed).fit(
        rows, late, trees__sample_weight=task.training.weights.to_numpy()
    )
    scores = model.predict_proba(rows)[:, 1]
    share = float(np.average(late, weights=task.training.weights))
    return Fitted(
        model,
        threshold=float(np.quantile(scores, 1 - share)),
        metrics={"base_rate": share, "rows": float(len(rows))},
        trusted_types=TRUSTED_TYPES,
    )
