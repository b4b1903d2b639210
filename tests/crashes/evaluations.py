"""Evaluations in processes of their own, which die where they are told to."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal

from monitoring_dagster.failpoints import VARIABLE
from monitoring_dagster.store import Store
from tests.crashes.days import evaluate, monitors

AFTER_COMMIT = "after the commit"


def evaluate_and_die(url: str, number: int, now: dt.datetime, failpoint: str) -> None:
    """Evaluate the day of that number of every monitor; die at the failpoint, or at last."""
    os.environ[VARIABLE] = f"{failpoint}=kill"
    with contextlib.closing(Store(url)) as store:
        for monitor in monitors().values():
            evaluate(store, monitor, number, now)
            if failpoint == AFTER_COMMIT:
                os.kill(os.getpid(), signal.SIGKILL)
