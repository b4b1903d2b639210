"""A random forest as ONNX, saved by the trainer itself as an MLflow model.

skops does not store a forest's trees, whose compiled code believes every number of a file; an ONNX
graph is run by onnxruntime, which does not. Needs skl2onnx.
`retraining: {trainer: "examples.trainers.forest:train"}`
"""

from __future__ import annotations

from monitoring_dagster.retraining.training import Fitted, Task


def train(task: Task) -> Fitted:
    """Fit a forest, convert it with the steps that prepare its columns, and save the graph."""
    import mlflow.onnx
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    rows = task.training
    texts = rows.features.select_dtypes("str").columns.tolist()
    numbers = rows.features.select_dtypes("number").columns.tolist()
    features = rows.features[[*texts, *numbers]].fillna(dict.fromkeys(texts, ""))
    kind = RandomForestRegressor if task.kind == "regression" else RandomForestClassifier
    settings = {"n_estimators": 50, "min_samples_leaf": 5, **task.parameters}
    prepare = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), texts), (SimpleImputer(), numbers)
    )
    forest = kind(random_state=task.seed, **settings)
    forest.fit(prepare.fit_transform(features), rows.labels, rows.weights)
    inputs = [(name, StringTensorType([None, 1])) for name in texts]
    inputs += [(name, FloatTensorType([None, 1])) for name in numbers]
    # Without zipmap the scores come as one array.
    plain = {} if task.kind == "regression" else {"zipmap": False}
    graph = to_onnx(
        make_pipeline(prepare, forest), initial_types=inputs, options={id(forest): plain}
    )
    mlflow.onnx.save_model(
        graph, "forest", signature=infer_signature(features), pip_requirements=["onnxruntime"]
    )
    return Fitted("forest")
