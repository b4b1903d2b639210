"""A model registry of this test process, models registered in it, and monitors for them."""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from monitoring_dagster.models import Allowed
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.telemetry.sources.access import Access

SOURCE = {"kind": "parquet", "path": "telemetry/{date}.parquet"}
COLUMNS: Mapping[str, Mapping[str, Any]] = {
    "id": {"role": "id"},
    "age": {"role": "feature", "type": "integer"},
    "income": {"role": "feature", "type": "number"},
    "region": {"role": "feature", "type": "category"},
    "score": {"role": "score"},
    "paid": {"role": "label", "type": "integer"},
}


@pytest.fixture(scope="session")
def monitor_of() -> Callable[..., Monitor]:
    """A monitor of three features; `more` replaces sections of the document."""

    def build(**more: Any) -> Monitor:
        content = {
            "schema_version": 1,
            "name": "loans",
            "owner": "team:risk",
            "model": {"task": "binary", "threshold": 0.5, "uri": "models:/loans@champion"},
            "telemetry": {"features": SOURCE, "predictions": SOURCE, "labels": {"source": SOURCE}},
            "columns": COLUMNS,
            "reference": {"first_day": "2026-01-01", "last_day": "2026-01-10"},
            "first_day": "2026-03-02",
            **more,
        }
        return Monitor.model_validate(content, strict=False)

    return build


@pytest.fixture(scope="session")
def rows() -> pa.Table:
    """300 rows of the three features; some incomes are missing."""
    r = np.random.default_rng(3)
    income = r.lognormal(10, 0.5, 300)
    return pa.table(
        {
            "age": pa.array(r.integers(18, 80, 300)),
            "income": pa.array(income, mask=r.random(300) < 0.1),
            "region": pa.array(r.choice(["north", "south", "west"], 300)),
        }
    )


@pytest.fixture(scope="session")
def frame(rows: pa.Table) -> pd.DataFrame:
    """The same rows as a model is fitted on them."""
    return rows.to_pandas()


@dataclass
class Registry:
    """An MLflow registry in a folder; `register` keeps its address to itself."""

    folder: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    def register(
        self,
        name: str,
        estimator: Any,
        inputs: pd.DataFrame | None,
        *,
        written: str = "skops",
        trusted: list[str] | None = None,
    ) -> Path:
        """Log a model, register it as champion, and return the folder of its files."""
        import mlflow
        import mlflow.sklearn
        from mlflow.models import infer_signature

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self.uri)
        try:
            if mlflow.get_experiment_by_name("tests") is None:
                mlflow.create_experiment("tests", (self.folder / "artifacts").as_uri())
            mlflow.set_experiment("tests")
            with mlflow.start_run():
                logged = mlflow.sklearn.log_model(
                    estimator,
                    name="model",
                    signature=None if inputs is None else infer_signature(inputs),
                    serialization_format=written,
                    skops_trusted_types=trusted,
                    pip_requirements=["scikit-learn"],
                )
            version = mlflow.register_model(logged.model_uri, name, await_registration_for=0)
            mlflow.MlflowClient().set_registered_model_alias(name, "champion", version.version)
        finally:
            mlflow.set_tracking_uri(before)
        return self.folder / "artifacts" / "models" / logged.model_id / "artifacts"


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """An empty registry; MLflow's own default stays what it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        yield Registry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="session")
def multiclass_of(monitor_of: Callable[..., Monitor]) -> Callable[..., Monitor]:
    """A monitor that asks for three classes, in the order that is given."""

    def build(*classes: Any) -> Monitor:
        scores = {f"s{i}": {"role": "score", "class_label": c} for i, c in enumerate(classes)}
        kind = "category" if isinstance(classes[0], str) else "integer"
        features = {name: COLUMNS[name] for name in ("id", "age", "income", "region")}
        return monitor_of(
            model={"task": "multiclass", "classes": list(classes), "uri": "models:/m/1"},
            columns={**features, **scores, "paid": {"role": "label", "type": kind}},
        )

    return build


@pytest.fixture(scope="session")
def regression(monitor_of: Callable[..., Monitor]) -> Monitor:
    """A monitor of a number, by the same three features."""
    features = {name: COLUMNS[name] for name in ("id", "age", "income", "region")}
    guess = {"guess": {"role": "prediction", "type": "number"}}
    price = {"price": {"role": "label", "type": "number"}}
    return monitor_of(
        model={"task": "regression", "uri": "models:/m/1"}, columns={**features, **guess, **price}
    )


@pytest.fixture(scope="session")
def flavor() -> Callable[[str], ModuleType]:
    """A module of MLflow, imported late: it warns as it is."""

    def imported(name: str) -> ModuleType:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(f"mlflow.{name}")

    return imported


@pytest.fixture
def below(tmp_path: Path) -> Allowed:
    """Files of models may lie below the test's own folder."""
    return Allowed(Access(roots=(str(tmp_path),), base=tmp_path))
