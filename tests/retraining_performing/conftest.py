"""A deployment that has asked for a retraining, one where it is done, and one where it waits.

Each is made once; tests get copies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring_dagster.running import run_days
from tests.retraining_performing.factory import ASKED_AFTER, DAYS, NEXT, Factory
from tests.retraining_performing.working import Hands, within


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """The deployment as it stands when a replay has stopped; only to be copied."""
    folder = tmp_path_factory.mktemp("asked")
    with within(Factory(folder / "home", folder / "ledger")) as made:
        made.build()
        ran = run_days(made.monitor, DAYS[0], NEXT[0], replay=True)
    assert (ran.failures, ran.stopped and ran.stopped[1]) == ([], ASKED_AFTER)
    return made


@pytest.fixture(scope="session")
def done(asked: Factory, tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """The deployment in which the challenger took over, undisturbed; only to be copied."""
    hands = Hands(asked.copied(tmp_path_factory.mktemp("done") / "home"))
    with within(hands.factory):
        said = [text.partition(":")[0] for text in hands.act()]
    assert said == [f"{hands.action().ref} is done"]
    return hands.factory


@pytest.fixture(scope="session")
def waiting(asked: Factory, tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """The deployment in which the challenger waits for somebody to agree; only to be copied."""
    hands = Hands(asked.copied(tmp_path_factory.mktemp("waiting") / "home"))
    hands.factory.write_monitor({"materiality: medium": "materiality: high"})
    with within(hands.factory):
        said = [text.partition(":")[0] for text in hands.act()]
    assert said == [f"{hands.action().ref} is awaiting approval"]
    return hands.factory


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[Factory], Hands]]:
    """A process of a further copy of a deployment, with its environment."""

    with contextlib.ExitStack() as entered:

        def open_copy(of: Factory) -> Hands:
            copy = of.copied(tmp_path / f"home-{len(list(tmp_path.iterdir()))}")
            return Hands(entered.enter_context(within(copy)))

        yield open_copy
