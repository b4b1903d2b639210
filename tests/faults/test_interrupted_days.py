"""Rows 1 to 4 and 12: a day that is interrupted anywhere ends as if it had not been."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster.monitors.contract import Expectation
from monitoring_dagster.store import Store
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.quality import checking
from monitoring_dagster.telemetry.quality.validation import Answer
from tests.faults.deployment import DAY, NOW, Deployment

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours

ROOT = Path(__file__).parents[2]
EFFECTS = [(Lake, "write"), (Lake, "adopt"), (Lake, "delete"), (Store, "record_many")]

DIE = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from tests.faults.deployment import DAY, Deployment

deployment = Deployment(Path(sys.argv[1]))

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

deployment.day().freeze_reference()
deployment.take(DAY)
event.listen(deployment.store._database.engine, "commit", die)
deployment.day().count_profiles([DAY])
"""


class EffectFailed(Exception):
    """An effect that a test made fail."""


class Nth:
    """Counts what is written outside of the process, and fails at the n-th of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n, self.done, self.landed = 0, 0, False
        for owner, name in EFFECTS:
            monkeypatch.setattr(owner, name, self._counting(getattr(owner, name)))

    def fails(self, n: int, work: Callable[..., object], *, landed: bool) -> bool:
        """Whether the work has an n-th effect, which fails before or after it `landed`."""
        self.n, self.done, self.landed = n, 0, landed
        try:
            work(DAY)
        except EffectFailed:
            return True
        finally:
            self.n = 0
        return False

    def _counting(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self.done += 1
            fails = self.done == self.n
            if fails and not self.landed:
                raise EffectFailed
            result = effect(*arguments, **named)
            if fails:
                raise EffectFailed
            return result

        return counted


def test_whichever_effect_of_taking_fails_twice_the_day_ends_as_if_none_had(
    deploy: Callable[[str], Deployment], sound: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    nth = Nth(monkeypatch)
    undisturbed = snapshots_of(sound)
    has_failed, n = True, 0
    while has_failed:
        n += 1
        deployment = deploy(f"failing at {n}")
        has_failed = nth.fails(n, deployment.take, landed=False)
        nth.fails(n, deployment.take, landed=True)
        deployment.take(DAY)
        assert snapshots_of(deployment) == undisturbed, n
    assert n > 6


def test_whichever_effect_of_measuring_fails_twice_the_day_ends_as_if_none_had(
    deploy: Callable[[str], Deployment],
    sound: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(checking, "validate", answered_once(checking.validate))
    first = deploy("first")
    first.take(DAY)
    first.store.close()
    shutil.rmtree(first.lake_folder / first.name / "quality")
    nth = Nth(monkeypatch)
    has_failed, n = True, 0
    while has_failed:
        n += 1
        deployment = Deployment(shutil.copytree(first.home, tmp_path / f"failing at {n}"))
        has_failed = nth.fails(n, deployment.measure, landed=False)
        nth.fails(n, deployment.measure, landed=True)
        deployment.measure(DAY)
        assert deployment.told() == sound.told(), n
        assert files(deployment) == files(sound), n
    assert n > 9


def test_a_process_killed_at_a_commit_is_made_up_for_without_counting_twice(
    sound: Deployment, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DIE, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    healed = Deployment(tmp_path)
    assert healed.revisions("shape") == {}
    healed.run(DAY)
    assert healed.told() == sound.told()
    assert files(healed) == files(sound)
    assert healed.revisions("shape") == {DAY: 1}


def test_a_host_clock_that_jumps_back_an_hour_loses_and_repeats_nothing(
    deployment: Deployment, sound: Deployment
) -> None:
    earlier = NOW - dt.timedelta(hours=1)
    deployment.run()
    deployment.run(now=earlier)
    assert deployment.everything() == sound.everything()
    assert set(deployment.revisions("drift").values()) == {1}

    deployment.write_labels(DAY, share=0.5)
    deployment.run(now=earlier)
    assert deployment.revisions("performance")[DAY] == 2
    assert deployment.one("roc_auc")["coverage"] == 0.5
    assert deployment.one("roc_auc")["revision"] == 2


def answered_once(validate: Callable[..., list[Answer]]) -> Callable[..., list[Answer]]:
    """The same questions of the same rows, asked of Great Expectations once: it is slow."""
    answers: dict[str, list[Answer]] = {}

    def answered(rows: Any, expectations: Sequence[Expectation], declared: Any) -> list[Answer]:
        asked = repr(expectations)
        if asked not in answers:
            answers[asked] = validate(rows, expectations, declared)
        return answers[asked]

    return answered


def files(deployment: Deployment) -> dict[str, bytes]:
    """What the lake holds of the day."""
    lake = Lake(str(deployment.lake_folder))
    return {path: lake.read(path) for path in lake.list() if str(DAY) in path}


def snapshots_of(deployment: Deployment) -> dict[str, bytes]:
    return {path: data for path, data in files(deployment).items() if "/snapshots/" in path}
