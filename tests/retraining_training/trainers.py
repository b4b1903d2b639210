"""Trainers that behave in every way in which a trainer can."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from monitoring_dagster.retraining.training import Fitted, Task


def numbers(task: Task):
    return task.training.features.select_dtypes("number")


def logistic():
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(SimpleImputer(), LogisticRegression())


def plain(task: Task) -> Fitted:
    model = logistic().fit(numbers(task), task.training.labels)
    print("fitted, ask ann@example.org")  # noqa: T201 - printing is what is tested
    return Fitted(model, threshold=0.4, metrics={"rows": len(numbers(task)), "odd": float("nan")})


def raises(task: Task) -> Fitted:
    raise ValueError("the rows are odd; password=hunter2hunter2")


def exits(task: Task) -> Fitted:
    os._exit(3)


def says_goodbye(task: Task) -> Fitted:
    sys.exit("that was all")


def crashes(task: Task) -> Fitted:
    import ctypes

    ctypes.string_at(0)
    raise AssertionError


def allocates(task: Task) -> Fitted:
    import numpy as np

    held = np.ones(10_000_000_000 // 8)
    return Fitted(held)


def never_ends(task: Task) -> Fitted:
    (Path.cwd() / "begun").write_text(str(os.getpid()))
    while True:
        time.sleep(60)


def prints(task: Task) -> Fitted:
    line = "x" * 999 + "\n"
    for _ in range(100):
        sys.stdout.write(line * 1_000)
    raise ValueError("the last line")


def reads_environment(task: Task) -> Fitted:
    print(sorted(os.environ.items()))  # noqa: T201 - printing is what is tested
    raise ValueError(f"{os.environ.get('SLACK_TOKEN')} {os.environ.get('DAGSTER_HOME')}")


def leaves_a_daemon(task: Task) -> Fitted:
    """Start a process that leaves the group and the session, as daemons do."""
    code = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    launch = (
        "import subprocess, sys; "
        f"p = subprocess.Popen([sys.executable, '-c', {code!r}], stdout=subprocess.PIPE); "
        "print(p.stdout.readline().decode())"
    )
    told = subprocess.run([sys.executable, "-c", launch], stdout=subprocess.PIPE, check=True)
    (Path.cwd() / "daemon").write_bytes(told.stdout)
    raise ValueError("gone")


def waits_with_a_daemon(task: Task) -> Fitted:
    try:
        leaves_a_daemon(task)
    except ValueError:
        return never_ends(task)
    raise AssertionError


def gives_text(task: Task) -> Fitted:
    return "a model"  # pyright: ignore[reportReturnType]


def gives_a_threshold_of_two(task: Task) -> Fitted:
    return Fitted(logistic(), threshold=2.0)


def draws(task: Task) -> Fitted:
    """Tell what is random in every way that asks for no seed, and what was fitted on it."""
    import random

    import numpy as np

    x = numbers(task) + np.random.normal(0, 0.1, numbers(task).shape)
    fitted = logistic().fit(x, task.training.labels)[-1].coef_.tolist()
    raise ValueError(f"{' '.join({'a', 'b', 'c', 'd'})}, {random.random()}, {fitted}")
