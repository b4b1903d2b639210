"""Claims about the model, its entry in the registry and the monitor that was written for it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from examples.flights import prepare, stages, train
from monitoring_dagster.monitors.contract import Role

pytestmark = [
    # MLflow's own: it calls pandas, SQLAlchemy and others in ways that their next versions drop.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
]


def test_it_ranks_the_flights_of_unseen_march(trained: train.Trained) -> None:
    assert 0.66 < trained.metrics["march_roc_auc"] < 0.75
    assert trained.metrics["training_roc_auc"] < trained.metrics["march_roc_auc"] + 0.03


def test_it_calls_as_many_flights_late_as_were_late(
    trained: train.Trained, flights: pa.Table
) -> None:
    training = train.between(flights, train.TRAINING)
    known = training.filter(training["is_late"].is_valid())
    called = train.score(trained.pipeline, known) >= trained.threshold
    assert called.mean() == pytest.approx(known["is_late"].to_numpy().mean(), abs=1e-3)


def test_the_monitor_states_the_threshold_of_the_model(trained: train.Trained) -> None:
    assert stages.monitor().model.threshold == pytest.approx(trained.threshold, abs=1e-4)


def test_an_airport_that_training_never_saw_is_scored_too(
    trained: train.Trained, flights: pa.Table
) -> None:
    summer = train.between(flights, (dt.date(2013, 7, 1), dt.date(2013, 7, 1)))
    unseen = summer.set_column(
        summer.column_names.index("dest"), "dest", pa.array(["nowhere"] * summer.num_rows)
    )
    assert np.isfinite(train.score(trained.pipeline, unseen)).all()


def test_the_champion_is_read_back_without_pickle(
    trained: train.Trained, flights: pa.Table, few_days: pa.Table, tmp_path: Path
) -> None:
    version = train.register(trained, flights, tmp_path / "mlflow")
    read_back = train.score(train.registered(tmp_path / "mlflow"), few_days)
    assert version == "1"
    assert (read_back == train.score(trained.pipeline, few_days)).all()
    assert list(tmp_path.rglob("*.pkl")) == []


def test_the_monitor_watches_what_the_model_is_given() -> None:
    monitor = stages.monitor()
    assert monitor.time_zone == prepare.TIME_ZONE
    assert tuple(monitor.with_role(Role.FEATURE)) == train.FEATURES
    assert (monitor.reference.first_day, monitor.reference.last_day) == train.VALIDATION
