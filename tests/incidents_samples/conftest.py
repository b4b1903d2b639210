"""The shop of this room's tests, as a fixture; its reference is frozen once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.incidents_samples.shop import Shop


@pytest.fixture(scope="session")
def frozen_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shop")
    Shop(home).freeze()
    return home


@pytest.fixture
def shop(frozen_home: Path, tmp_path: Path) -> Shop:
    home = tmp_path / "home"
    shutil.copytree(frozen_home, home)
    return Shop(home)
