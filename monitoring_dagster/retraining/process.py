"""A training in a process of its own: started, watched, limited, ended; and what came of it.

The process gets a private folder and nothing of the deployment's secrets. What runs in it is
`child`; which rows it gets is `frames`.
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from monitoring_dagster.errors import ModelRefused, TrainingFailed
from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.models import stored_files
from monitoring_dagster.monitors.retraining import Limits
from monitoring_dagster.retraining.handover import LOG, MODEL, RESULT, Order, Result
from monitoring_dagster.retraining.limited import LimitedProcess
from monitoring_dagster.retraining.redaction import redacted, secrets_of

SHOWN_CHARACTERS = 4_000
"""Of the end of what a trainer prints, what a failure shows."""

MOST_CHARACTERS = 1_000
"""Of a trainer's remark, and of what it raised."""

MOST_ENTRIES = 200
"""Figures and remarks each; of more, the first are kept."""

_LOOK_SECONDS = 0.25


class Failure(StrEnum):
    """Why a training gave no model."""

    RAISED = "raised"
    """The trainer raised; the same rows and seed will do so again."""
    REFUSED = "refused"
    """It gave back what cannot be served."""
    EXITED = "exited"
    """Its process ended without a result."""
    KILLED = "killed"
    """Its process was killed from outside, or by a fault of compiled code."""
    MEMORY = "memory"
    """It needed more memory than its limit."""
    TIME = "time"
    """It took longer than its limit."""


@dataclass(frozen=True)
class Trained:
    """A model that was trained and saved.

    Args:
        folder: an MLflow model, ready to be registered; it is gone with the folder of the task.
        flavor: its kind, in MLflow's word: sklearn, lightgbm or onnx.
        digest: SHA-256 of the folder (`models.stored_files.digest`).
        threshold: binary: from which score on a decision is positive; the monitor's own for None.
        metrics: the trainer's figures.
        notes: the trainer's remarks.
        trusted_types: what skops has to build beyond `models.trust.TRUSTED`.
        packages: version of every distribution that the trainer imported.
        platform: interpreter, machine and threads.
        seconds: how long it took, with start and saving.
        peak_memory_mb: the most that its process held.
        log: the end of what it printed, without secrets.
    """

    folder: Path
    flavor: str
    digest: str
    threshold: float | None
    metrics: Mapping[str, float]
    notes: Mapping[str, str]
    trusted_types: tuple[str, ...]
    packages: Mapping[str, str]
    platform: Mapping[str, str]
    seconds: float
    peak_memory_mb: float
    log: str


def train(
    folder: Path,
    order: Order,
    *,
    limits: Limits,
    is_wanted: Callable[[], bool],
    environment: Mapping[str, str],
    monotonic: Callable[[], float],
    every_seconds: float = 10.0,
) -> Trained | None:
    """Run a trainer to its end.

    Args:
        folder: private (0700), with the files of `frames.prepare`; the model is left in it.
        order: what is asked for.
        limits: minutes of wall clock and megabytes.
        is_wanted: called about every `every_seconds`: the sign of life. False ends the training;
            what it raises does too, and is passed on.
        environment: the deployment's; little of it is passed on, and its secrets are kept out of
            the log.
        monotonic: a clock in seconds that never goes back.
        every_seconds: between two signs of life.

    Returns:
        None where it was not wanted any more.

    Raises:
        TrainingFailed: there is no model; `reason` is a `Failure`.
    """
    order.write(folder)
    (folder / RESULT).unlink(missing_ok=True)
    started = monotonic()
    with LimitedProcess(folder, limits.memory_mb, environment, order.seed) as process:
        failpoint("training.started")
        deadline = started + limits.minutes * 60
        how = _watched(process, deadline, is_wanted, every_seconds, monotonic)
    failpoint("training.ended")
    secrets = secrets_of(environment)
    log = redacted(process.printed, secrets)
    (folder / LOG).write_text(log, encoding="utf-8")
    if how is _Ending.UNWANTED:
        return None
    result = Result.read(folder)
    if how is _Ending.LATE:
        raise _failure(order, Failure.TIME, _late(limits), log)
    if result is None or (process.exit_code and not result.failure):
        raise _failure(order, *_ended(process.exit_code or 0), log)
    if result.failure:
        reason = Failure(result.failure)
        raise _failure(order, reason, redacted(_told(reason, result.text, limits), secrets), log)
    try:
        return _trained(folder / MODEL, result, monotonic() - started, log, secrets)
    except ModelRefused as refused:
        text = _told(Failure.REFUSED, str(refused), limits)
        raise _failure(order, Failure.REFUSED, text, log) from refused


class _Ending(StrEnum):
    BY_ITSELF = "by_itself"
    UNWANTED = "unwanted"
    LATE = "late"


def _watched(
    process: LimitedProcess,
    deadline: float,
    is_wanted: Callable[[], bool],
    every_seconds: float,
    monotonic: Callable[[], float],
) -> _Ending:
    """Follow the process until it ends or has to be ended; the caller ends it."""
    next_sign = monotonic()
    while process.exit_code is None:
        now = monotonic()
        if now >= deadline:
            return _Ending.LATE
        if now >= next_sign:
            if not is_wanted():
                return _Ending.UNWANTED
            next_sign = now + every_seconds
        process.listen(min(_LOOK_SECONDS, max(0.0, deadline - now)))
    return _Ending.BY_ITSELF


def _failure(order: Order, reason: Failure, why: str, log: str) -> TrainingFailed:
    return TrainingFailed(f"the trainer {order.trainer} {why}", reason, _end(log))


def _end(log: str) -> str:
    """The last lines of a log, as many as are shown."""
    end = log[-SHOWN_CHARACTERS:]
    return end if len(end) == len(log) else end.partition("\n")[2] or end


def _late(limits: Limits) -> str:
    return (
        f"was ended after {limits.minutes:g} minutes; raise retraining.limits.minutes, or train on "
        "fewer days"
    )


def _told(reason: Failure, text: str, limits: Limits) -> str:
    """What the process itself said of its failure, in a sentence."""
    said = text[:MOST_CHARACTERS]
    if reason is Failure.MEMORY:
        return (
            f"needed more than {limits.memory_mb:,} MB ({said}); raise "
            "retraining.limits.memory_mb, or train on fewer days"
        )
    if reason is Failure.REFUSED:
        return f"gave no model that can be served: {said}"
    return f"raised {said}; the end of its log says where"


def _ended(code: int) -> tuple[Failure, str]:
    """What an end without a result means, by the exit code or the signal.

    >>> _ended(3)[1]
    'ended its process with code 3 and gave no model; a trainer has to return'
    """
    if code >= 0:
        return Failure.EXITED, (
            f"ended its process with code {code} and gave no model; a trainer has to return"
        )
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return Failure.KILLED, (
            f"was killed ({name}) by nobody of ours: most likely the machine ran out of memory; "
            "give it more, lower retraining.limits.memory_mb, or train on fewer days"
        )
    return Failure.KILLED, (
        f"crashed ({name}) in compiled code, perhaps for want of memory; the end of its log says "
        "where"
    )


def _trained(
    folder: Path, result: Result, seconds: float, log: str, secrets: Collection[str]
) -> Trained:
    """The model and what was said of it, bounded.

    Raises:
        ModelRefused: something among its files is no plain file.
    """
    metrics = list(result.metrics.items())[:MOST_ENTRIES]
    notes = list(result.notes.items())[:MOST_ENTRIES]
    return Trained(
        folder=folder,
        flavor=result.flavor,
        digest=stored_files.digest(folder),
        threshold=result.threshold,
        metrics={name: float(value) for name, value in metrics if math.isfinite(value)},
        notes={name: redacted(note, secrets)[:MOST_CHARACTERS] for name, note in notes},
        trusted_types=result.trusted_types,
        packages=result.packages,
        platform=result.platform,
        seconds=seconds,
        peak_memory_mb=result.peak_memory_mb,
        log=log,
    )
