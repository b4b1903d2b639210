"""A store on both databases, and a small deployment with days of telemetry and a reference."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring_dagster.store import Store
from tests.faults.deployment import Deployment
from tests.retraining_tenures.house import DAYS, NOW, REFERENCE, change


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that is up to date, to be copied: making one takes most of a test's time."""
    path = tmp_path_factory.mktemp("tenures") / "store.db"
    with contextlib.closing(Store(f"sqlite:///{path}")) as made:
        made.upgrade()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, _empty: Path) -> Iterator[Store]:
    """A store that is up to date."""
    is_file = request.param == "sqlite"
    url = (
        f"sqlite:///{tmp_path / 'store.db'}" if is_file else request.getfixturevalue("postgres_url")
    )
    if is_file:
        shutil.copy(_empty, tmp_path / "store.db")
    with contextlib.closing(Store(url, wait_seconds=20, pause=lambda _: None)) as made:
        if not is_file:
            made.upgrade()
        yield made


def _opened(home: Path) -> Deployment:
    return Deployment(home, reference=list(REFERENCE), days=list(DAYS))


@pytest.fixture(scope="session")
def _furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a deployment whose reference is frozen and whose days are measured."""
    home = tmp_path_factory.mktemp("tenures") / "home"
    deployment = _opened(home)
    text = (deployment.monitors / "small.yaml").read_text(encoding="utf-8")
    text = text.replace("  probability: {role: score}", ANSWERS).replace("segments:", SLOS)
    (deployment.monitors / "small.yaml").write_text(text, encoding="utf-8")
    deployment.day(NOW).freeze_reference()
    deployment.run(now=NOW)
    deployment.day(NOW).estimate_performance(DAYS)
    deployment.store.close()
    return home


@pytest.fixture(scope="session")
def _in_time(_furnished: Path) -> Path:
    made = _copied(_furnished, _furnished.parent / "in_time")
    change(made)
    made.measure(*DAYS, now=NOW)
    made.day(NOW).estimate_performance(DAYS)
    made.day(NOW).evaluate(DAYS)
    made.store.close()
    return made.home


@pytest.fixture
def known_before(_in_time: Path, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment that knew of its second champion before it did the days of its tenure."""
    copy = _copied(_in_time, tmp_path / "in_time")
    with contextlib.closing(copy.store):
        yield copy


ANSWERS = "  probability: {role: score}\n  decision: {role: prediction, type: text}"
SLOS = """slos:
  - {name: fast, metric: latency_p95, at_most: 0.001, target: 0.5}
  - {name: right, metric: accuracy, at_least: 0.9, target: 0.5}
segments:"""


@pytest.fixture
def deployment(_furnished: Path, tmp_path: Path) -> Iterator[Deployment]:
    """A copy of it, in which nothing is judged yet."""
    copy = _copied(_furnished, tmp_path / "home")
    with contextlib.closing(copy.store):
        yield copy


@pytest.fixture
def copies(_furnished: Path, tmp_path: Path) -> Iterator[Callable[[], Deployment]]:
    """Further copies of it."""
    made: list[Deployment] = []

    def make() -> Deployment:
        made.append(_copied(_furnished, tmp_path / f"home-{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def _copied(home: Path, to: Path) -> Deployment:
    shutil.copytree(home, to)
    return _opened(to)
