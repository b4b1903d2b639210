"""The flights, the model and a few days of telemetry, made once for all tests of the examples."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from examples.flights import prepare, telemetry, train

FEW_DAYS = (dt.date(2013, 3, 7), dt.date(2013, 3, 11))
"""A snow storm, and the Sunday on which the clock goes forward."""


@pytest.fixture(scope="session")
def flights() -> pa.Table:
    """All flights of 2013, as the example prepares them."""
    return prepare.flights(prepare.source_folder())


@pytest.fixture(scope="session")
def trained(flights: pa.Table) -> train.Trained:
    """The example's model."""
    return train.train(flights)


@pytest.fixture(scope="session")
def few_days(flights: pa.Table) -> pa.Table:
    """The flights of five days in March."""
    return train.between(flights, FEW_DAYS)


@pytest.fixture(scope="session")
def scores(trained: train.Trained, few_days: pa.Table) -> np.ndarray:
    """The model's scores of the five days."""
    return train.score(trained.pipeline, few_days)


@pytest.fixture(scope="session")
def deployment() -> telemetry.Deployment:
    """Version 1 with the threshold of the committed monitor."""
    return telemetry.Deployment("1", 0.2789)
