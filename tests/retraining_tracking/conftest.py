"""MLflow as a database and as a server, a saved model, and an action to track."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.retraining.connecting import ENVIRONMENT, connect
from tests.mlflow_server import mlflow_url
from tests.retraining_tracking.acting import Place, action, save_model

__all__ = ["mlflow_url"]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What connecting sets is undone; repeated calls follow at once."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as MLflow makes it, which takes seconds; tests get copies."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        file = tmp_path_factory.mktemp("empty") / "mlflow" / "mlflow.db"
        connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def embedded(empty_database: Path, tmp_path: Path) -> Place:
    """An embedded home's MLflow, empty."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return Place(f"sqlite:///{tmp_path / 'mlflow.db'}", (tmp_path / "artifacts").as_uri())


@pytest.fixture(params=["database", "server"])
def place(request: pytest.FixtureRequest) -> Place:
    """MLflow in each form; the server's holds what earlier tests left."""
    if request.param == "database":
        return request.getfixturevalue("embedded")
    return Place(request.getfixturevalue("mlflow_url"), None)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the training leaves it."""
    return save_model(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def monitor(request: pytest.FixtureRequest) -> str:
    """A monitor of this test alone, since tests share a server."""
    return f"m{abs(hash(request.node.nodeid)) % 10**12}"


@pytest.fixture
def act(monitor: str) -> Callable[..., object]:
    """An action of that monitor; `more` replaces fields."""

    def build(**more: object) -> object:
        return action(**{"monitor": monitor, **more})

    return build


@pytest.fixture
def monitor_of() -> Callable[[str | None], Monitor]:
    """A monitor whose `model.uri` is this."""

    def build(uri: str | None) -> Monitor:
        source = {"kind": "parquet", "path": "telemetry/{date}.parquet"}
        content = {
            "schema_version": 1,
            "name": "small",
            "owner": "team:tests",
            "model": {"task": "binary", "threshold": 0.5, "uri": uri},
            "telemetry": {"features": source, "predictions": source},
            "columns": {
                "id": {"role": "id"},
                "age": {"role": "feature", "type": "integer"},
                "score": {"role": "score"},
            },
            "reference": {"first_day": "2026-01-01", "last_day": "2026-01-10"},
            "first_day": "2026-03-02",
        }
        return Monitor.model_validate(content, strict=False)

    return build
