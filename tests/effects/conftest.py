"""A small deployment that is measured once for all, and what it comes to undisturbed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.effects.life import STEPS, WITHOUT_A_COLUMN, Life, copied, lived, made
from tests.effects.office import SlackOffice
from tests.notifications_delivery.wall import in_memory
from tests.slack.clock import HandClock


@pytest.fixture(scope="session", autouse=True)
def disk() -> Iterator[None]:
    """A disk that says at once that it has written: no test here pulls its plug."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture(scope="session")
def shelf() -> Iterator[Path]:
    """A folder for many small homes, in memory where there is some."""
    folder = in_memory()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def measured(shelf: Path) -> Path:
    """The home of a deployment whose days are measured and not evaluated."""
    return made(shelf / "measured").home


def undisturbed(shelf: Path, measured: Path, has_slack: bool) -> list[Life]:
    """The same life before each of its steps, and after the last."""
    office = SlackOffice(HandClock(WITHOUT_A_COLUMN.timestamp()))
    url = f"sqlite:///{measured / 'store.db'}"
    name = "slack" if has_slack else "file"
    life = copied(Life(measured, url, office, has_slack), shelf / name)
    before = [copied(life, shelf / f"{name}-0")]
    for i, step in enumerate(STEPS, start=1):
        lived(life, (step,))
        before.append(copied(life, shelf / f"{name}-{i}"))
    return before


@pytest.fixture(scope="session")
def with_slack(shelf: Path, measured: Path) -> list[Life]:
    return undisturbed(shelf, measured, has_slack=True)


@pytest.fixture(scope="session")
def with_file(shelf: Path, measured: Path) -> list[Life]:
    return undisturbed(shelf, measured, has_slack=False)
