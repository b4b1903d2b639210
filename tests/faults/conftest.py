"""A deployment per test; its reference is frozen, and sound rows are checked, once for all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.deployment import Deployment


@pytest.fixture(scope="session", autouse=True)
def disk() -> Iterator[None]:
    """A disk that says at once that it has written: no test here pulls its plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment whose days were run without any fault; to compare with, not to change."""
    deployment = Deployment(tmp_path_factory.mktemp("sound"))
    deployment.day().freeze_reference()
    deployment.run()
    return deployment


@pytest.fixture(scope="session")
def template(sound: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a deployment before its first run, its reference frozen.

    It has the quality reports of the sound one, so that only what a fault changed is checked:
    Great Expectations takes most of a small day's time.
    """
    made = Deployment(tmp_path_factory.mktemp("template"))
    for kept in ("reference", "quality"):
        shutil.copytree(sound.lake_folder / made.name / kept, made.lake_folder / made.name / kept)
    made.store.close()
    return made.home


@pytest.fixture
def deploy(template: Path, tmp_path: Path) -> Callable[[str], Deployment]:
    """Make a deployment before its first run, one just like the other."""

    def made(name: str) -> Deployment:
        return Deployment(shutil.copytree(template, tmp_path / name))

    return made


@pytest.fixture
def deployment(deploy: Callable[[str], Deployment]) -> Deployment:
    return deploy("home")
