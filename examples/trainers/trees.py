"""Gradient-boosted trees of scikit-learn, stored by skops; takes missing values as they are.

`retraining: {trainer: "examples.trainers.trees:train", parameters: {max_iter: 200}}`
"""

from __future__ import annotations

import numpy as np

from monitoring_dagster.retraining.training import Fitted, Task


def train(task: Task) -> Fitted:
    """Fit on all rows of training; a decision is as often positive as the label was."""
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    rows = task.training
    texts = rows.features.select_dtypes("str").columns.tolist()
    numbers = rows.features.select_dtypes("number").columns.tolist()
    # A value that training did not know becomes a missing one, which the trees can take.
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    kind = (
        HistGradientBoostingRegressor
        if task.kind == "regression"
        else HistGradientBoostingClassifier
    )
    settings = {"learning_rate": 0.05, "early_stopping": False, **task.parameters}
    model = make_pipeline(
        make_column_transformer((encode, texts), ("passthrough", numbers)),
        kind(random_state=task.seed, **settings),
    )
    model.fit(
        rows.features, rows.labels, **{f"{kind.__name__.lower()}__sample_weight": rows.weights}
    )
    if task.kind != "binary":
        return Fitted(model)
    positive = list(model.classes_).index(task.positive_label)
    scores = model.predict_proba(rows.features)[:, positive]
    share = float((rows.labels == task.positive_label).mean())
    return Fitted(model, threshold=float(np.quantile(scores, 1 - share)))
