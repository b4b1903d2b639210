"""A trainer's process: what it may take, what it sees, and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_dagster.errors import TrainingFailed
from monitoring_dagster.retraining import handover, limited, process
from tests.retraining_training.conftest import Train, is_alive, order

PLANTED = "xoxb-1234567890-abcdefgh"


def failure(train: Train, trainer: str, **more: object) -> TrainingFailed:
    with pytest.raises(TrainingFailed) as raised:
        train(trainer, **more)
    assert str(raised.value).startswith(f"the trainer tests.retraining_training.trainers:{trainer}")
    return raised.value


def test_a_trained_model_comes_with_what_it_was_made_of(train: Train) -> None:
    found = train("plain")
    assert found is not None
    assert (found.flavor, found.threshold, found.metrics) == ("sklearn", 0.4, {"rows": 500.0})
    assert found.packages["scikit-learn"]
    assert found.platform["python"].startswith("3.")
    assert found.platform["threads"] == os.environ.get("OMP_NUM_THREADS", "1")
    assert "fitted, ask (e-mail)" in found.log
    assert found.peak_memory_mb > 50
    assert not [path for path in found.folder.rglob("*") if path.is_symlink()]


def test_what_a_trainer_raises_is_told_without_secrets(train: Train) -> None:
    found = failure(train, "raises")
    assert found.reason == process.Failure.RAISED
    assert "raised ValueError: the rows are odd; password=***" in str(found)
    assert "Traceback" in found.log
    assert "hunter2" not in str(found) + found.log


@pytest.mark.parametrize(
    ("trainer", "reason", "told"),
    [
        pytest.param("exits", "exited", "with code 3", id="it leaves without a word"),
        pytest.param("says_goodbye", "raised", "SystemExit: that was all", id="it calls exit"),
        pytest.param("crashes", "killed", "crashed (SIGSEGV)", id="its compiled code crashes"),
        pytest.param("missing", "raised", "AttributeError", id="there is no such function"),
        pytest.param("gives_a_threshold_of_two", "refused", "is 2.0", id="its threshold is odd"),
        pytest.param("gives_text", "refused", "gave back str", id="it gives back no Fitted"),
    ],
)
def test_every_end_without_a_model_says_how(
    train: Train, trainer: str, reason: str, told: str
) -> None:
    found = failure(train, trainer)
    assert found.reason == reason
    assert told in str(found)


def test_a_trainer_that_takes_too_much_memory_is_told_its_limit(train: Train) -> None:
    found = failure(train, "allocates", memory_mb=1_000)
    assert found.reason == process.Failure.MEMORY
    assert "needed more than 1,000 MB" in str(found)
    assert "retraining.limits.memory_mb" in str(found)


def test_a_trainer_that_never_ends_is_ended(train: Train, private: Path) -> None:
    begun = private / handover.WORK / "begun"
    hours = iter([0.0])

    def monotonic() -> float:
        # The clock stands until the trainer runs, and then the hour is over.
        return 3_600.0 if has_text(begun) else next(hours, 0.0)

    with pytest.raises(TrainingFailed, match="was ended after 60 minutes") as raised:
        process.train(
            private,
            order("never_ends"),
            limits=process.Limits(minutes=60),
            is_wanted=lambda: True,
            environment=os.environ,
            monotonic=monotonic,
        )
    assert raised.value.reason == process.Failure.TIME
    assert not is_alive(int(begun.read_text()))


def test_a_training_that_is_not_wanted_any_more_stops(train: Train, private: Path) -> None:
    begun = private / handover.WORK / "begun"
    assert train("never_ends", is_wanted=lambda: not has_text(begun)) is None
    assert not is_alive(int(begun.read_text()))


def test_what_the_sign_of_life_raises_ends_the_training(train: Train, private: Path) -> None:
    begun = private / handover.WORK / "begun"

    def sign() -> bool:
        if has_text(begun):
            raise ConnectionError("no store")
        return True

    with pytest.raises(ConnectionError, match="no store"):
        train("never_ends", is_wanted=sign)
    assert not is_alive(int(begun.read_text()))


def test_of_a_hundred_megabytes_of_output_the_end_is_kept(train: Train, private: Path) -> None:
    found = failure(train, "prints")
    assert (private / handover.LOG).stat().st_size < limited.KEPT_BYTES + 1_000
    assert len(found.log) <= process.SHOWN_CHARACTERS
    assert found.log.endswith("ValueError: the last line\n")
    assert "bytes before this were not kept" in (private / handover.LOG).read_text()


def test_a_trainer_sees_none_of_the_deployments_variables(train: Train, private: Path) -> None:
    secrets = {
        "SLACK_TOKEN": PLANTED,
        "MONITORING_DAGSTER_STORE_URL": f"postgresql://me:{PLANTED}@db/store",
        "DAGSTER_HOME": "/srv/dagster",
    }
    found = failure(train, "reads_environment", environment=secrets)
    assert "ValueError: None None" in str(found)
    printed = (private / handover.LOG).read_text()
    assert PLANTED not in printed
    assert "MONITORING_DAGSTER" not in printed
    assert str(private / handover.WORK) in printed  # its home


def test_no_process_is_left_behind_not_even_a_daemon(train: Train, private: Path) -> None:
    failure(train, "leaves_a_daemon")
    assert not is_alive(int((private / handover.WORK / "daemon").read_text()))


def test_a_training_dies_with_its_parent_and_takes_its_daemons_along(private: Path) -> None:
    order("waits_with_a_daemon").write(private)
    script = (
        "import os, sys, time; from pathlib import Path; "
        "from monitoring_dagster.retraining.limited import LimitedProcess; "
        f"p = LimitedProcess(Path({str(private)!r}), 4000, os.environ, 1)\n"
        "print(p.pid, flush=True)\n"
        "while True: p.listen(0.1)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        try:
            assert parent.stdout is not None
            child = int(parent.stdout.readline())
            work = private / handover.WORK
            waited_for(lambda: has_text(work / "begun") and has_text(work / "daemon"))
            worker, daemon = (int((work / name).read_text()) for name in ("begun", "daemon"))
        finally:
            parent.send_signal(signal.SIGKILL)
    waited_for(lambda: not any(map(is_alive, (child, worker, daemon))))


def has_text(path: Path) -> bool:
    """Whether it is written: a file is there a moment before what it holds."""
    return path.exists() and path.stat().st_size > 0


def waited_for(is_so: Callable[[], bool]) -> None:
    """Look until it is so; the suite's own time limit is the only one."""
    while not is_so():
        os.sched_yield()


def test_what_an_earlier_process_left_is_no_result(train: Train, private: Path) -> None:
    handover.Result(flavor="sklearn").write(private)
    assert failure(train, "exits").reason == process.Failure.EXITED


def test_a_result_that_cannot_be_read_is_none(private: Path) -> None:
    (private / handover.RESULT).write_text(json.dumps({"flavor": "sklearn", "odd": 1}))
    assert handover.Result.read(private) is None
    (private / handover.RESULT).write_text("{")
    assert handover.Result.read(private) is None


def test_the_same_seed_gives_the_same_chance_everywhere(train: Train) -> None:
    told = [str(failure(train, "draws", seed=seed)) for seed in (7, 7, 8)]
    assert told[0] == told[1] != told[2]
