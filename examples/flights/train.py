"""The model: what it is fitted on, how it is judged, and its entry in the model registry.

It is deliberately a plain one. What happens to it afterwards is what the example is about.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from examples.flights.prepare import WEATHER

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

MODEL = "flight_delay"
CHAMPION = f"models:/{MODEL}@champion"

CATEGORIES = ("carrier", "origin", "dest")
NUMBERS = ("hour", "minute", "distance", *WEATHER)
FEATURES = (*CATEGORIES, *NUMBERS)

TRAINING = (dt.date(2013, 1, 1), dt.date(2013, 2, 28))
VALIDATION = (dt.date(2013, 3, 1), dt.date(2013, 3, 31))

# Two months hold about 40 distinct situations (storms, holidays), not 50,000: without these
# limits the training AUC is .82 and the unseen months gain nothing from it.
SETTINGS: Mapping[str, Any] = {
    "max_iter": 100,
    "learning_rate": 0.05,
    "max_depth": 3,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 500,
    "l2_regularization": 50.0,
    "early_stopping": False,
    "random_state": 2013,
}

TRUSTED_TYPES = ("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",)
"""What the stored model consists of beyond what skops trusts by itself."""


@dataclass(frozen=True)
class Trained:
    """A fitted model with what was measured of it."""

    pipeline: Pipeline
    threshold: float
    metrics: Mapping[str, float]


def between(flights: pa.Table, days: tuple[dt.date, dt.date]) -> pa.Table:
    """The flights from the first to the last of `days`, of flights in the order of their days."""
    first, last = days
    ends = np.array([first, last + dt.timedelta(days=1)], "datetime64[D]")
    start, stop = np.searchsorted(flights["day"].to_numpy(), ends)
    return flights.slice(start, stop - start)


def inputs(flights: pa.Table) -> pd.DataFrame:
    """What the model gets: the features, numbers as float64."""
    return flights.select(FEATURES).to_pandas().astype(dict.fromkeys(NUMBERS, "float64"))


def score(pipeline: Pipeline, flights: pa.Table) -> NDArray[np.float64]:
    """The predicted probability of being late, one per flight."""
    return pipeline.predict_proba(inputs(flights))[:, 1]


def train(flights: pa.Table) -> Trained:
    """Fit on January and February, judge on March."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    known = flights.filter(flights["is_late"].is_valid())
    training, validation = between(known, TRAINING), between(known, VALIDATION)
    late, unseen = training["is_late"].to_numpy(), validation["is_late"].to_numpy()
    pipeline = unfitted().fit(inputs(training), late)
    fitted, predicted = score(pipeline, training), score(pipeline, validation)
    # As many flights are called late as are late: decisions are neither shy nor shrill.
    threshold = float(np.quantile(fitted, 1 - late.mean()))
    metrics = {
        "training_roc_auc": float(roc_auc_score(late, fitted)),
        "training_base_rate": float(late.mean()),
        "march_roc_auc": float(roc_auc_score(unseen, predicted)),
        "march_brier": float(brier_score_loss(unseen, predicted)),
        "march_base_rate": float(unseen.mean()),
        "threshold": threshold,
    }
    return Trained(pipeline, threshold, metrics)


def unfitted(seed: int = 2013) -> Pipeline:
    """The model before it is fitted."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    # Codes in alphabetical order, an airport that winter did not know as a missing value. Telling
    # the trees that the codes are categories costs .006 of March's AUC, and makes them carry a
    # `functools.partial` that the stored model would have to be trusted with.
    encode = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer(
        [("categories", encode, list(CATEGORIES)), ("numbers", "passthrough", list(NUMBERS))]
    )
    trees = HistGradientBoostingClassifier(**{**SETTINGS, "random_state": seed})
    return Pipeline([("columns", columns), ("trees", trees)])


def register(trained: Trained, flights: pa.Table, folder: Path) -> str:
    """Log the model with MLflow, register it as champion, and return its version.

    The tracking database and the artifacts lie in `folder`. The model is stored by skops, which
    cannot run code on loading as pickle does.
    """
    mlflow = _mlflow(folder)
    from mlflow.models import infer_signature

    training = between(flights, TRAINING)
    rows = inputs(training.slice(0, 1_000))
    with mlflow.start_run(run_name="train on January and February") as run:
        mlflow.log_params(dict(SETTINGS))
        mlflow.log_metrics(dict(trained.metrics))
        mlflow.log_input(_dataset(training), context="training")
        logged = mlflow.sklearn.log_model(
            trained.pipeline,
            name="model",
            signature=infer_signature(rows, trained.pipeline.predict_proba(rows)),
            pyfunc_predict_fn="predict_proba",
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
            pip_requirements=["scikit-learn", "skops"],
        )
        version = mlflow.register_model(
            logged.model_uri, MODEL, tags={"run": run.info.run_id}, await_registration_for=0
        )
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", version.version)
    return str(version.version)


def registered(folder: Path, uri: str = CHAMPION) -> Pipeline:
    """A registered model, read through an explicit list of trusted types."""
    import skops.io  # in here: it imports scikit-learn

    mlflow = _mlflow(folder)
    artifact = Path(mlflow.artifacts.download_artifacts(uri))
    return skops.io.load(artifact / "model.skops", trusted=list(TRUSTED_TYPES))


def reinstate(folder: Path, version: str) -> None:
    """Make a version the champion again."""
    _mlflow(folder).MlflowClient().set_registered_model_alias(MODEL, "champion", version)


def _mlflow(folder: Path) -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{(folder / 'mlflow.db').resolve()}")
    if mlflow.get_experiment_by_name(MODEL) is None:
        mlflow.create_experiment(MODEL, (folder / "artifacts").resolve().as_uri())
    mlflow.set_experiment(MODEL)
    return mlflow


def _dataset(training: pa.Table) -> Any:
    from mlflow.data.pandas_dataset import from_pandas

    rows = inputs(training).assign(is_late=training["is_late"].to_pandas())
    return from_pandas(rows, targets="is_late", name="flights of January and February 2013")
