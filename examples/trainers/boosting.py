"""LightGBM with categories as they are, and as many trees as the newest days of training bear.

Needs LightGBM 4.7 or newer.

`retraining: {trainer: "examples.trainers.boosting:train", parameters: {num_leaves: 15}}`
"""

from __future__ import annotations

from monitoring_dagster.retraining.training import Fitted, Task


def train(task: Task) -> Fitted:
    """Fit on the older days of training until the newest fifth of its rows gains nothing more.

    Validation is not looked at: the gate decides on rows that nothing was chosen by.
    """
    import lightgbm

    rows = task.training
    features = rows.features.copy()
    for name in features.select_dtypes("str"):
        features[name] = features[name].astype("category")
    # The rows are in the order of time.
    older, newest = slice(None, len(features) * 4 // 5), slice(len(features) * 4 // 5, None)
    kind = lightgbm.LGBMRegressor if task.kind == "regression" else lightgbm.LGBMClassifier
    settings = {"n_estimators": 500, "learning_rate": 0.05, **task.parameters}
    model = kind(random_state=task.seed, deterministic=True, n_jobs=1, verbose=-1, **settings)
    model.fit(
        features[older],
        rows.labels[older],
        sample_weight=rows.weights[older],
        eval_X=features[newest],
        eval_y=rows.labels[newest],
        eval_sample_weight=[rows.weights[newest]],
        callbacks=[lightgbm.early_stopping(20, verbose=False)],
    )
    return Fitted(model, notes={"trees": str(model.best_iteration_)})
