"""The independent oracle of the classification and regression metrics."""

from __future__ import annotations

from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sklearn() -> ModuleType:
    """`sklearn.metrics`, imported where it is used: it takes a second."""
    from sklearn import metrics

    return metrics
