"""Calls a metric so that its failure becomes a status, never the end of the others.

What a metric can foresee it returns itself, with a reason of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from monitoring_dagster.metrics.measurement import Estimate, Reason, Status


def safely(metric_name: str, compute: Callable[[], Estimate]) -> Estimate:
    """The metric's estimate, or `error` / `metric_failed` with the text of what went wrong.

    A value that is not finite although the metric calls it computed is a failure, too: it would
    travel to tables and messages as a finding.

    >>> safely("ratio", lambda: Estimate.exact(1 / 0, n=1)).detail
    'ratio failed: ZeroDivisionError: division by zero'
    """
    try:
        # Overflow and 0 / 0 end in a value that is not finite, which is caught below.
        with np.errstate(all="ignore"):
            estimate = compute()
    except Exception as error:  # noqa: BLE001 - one metric never stops the others
        return _failed(metric_name, f"{type(error).__name__}: {error}")
    if estimate.status is Status.OK and not math.isfinite(estimate.value):
        return _failed(metric_name, f"its value is {estimate.value}, not a finite number")
    return estimate


def _failed(metric_name: str, what: str) -> Estimate:
    return Estimate.without(Status.ERROR, Reason.METRIC_FAILED, f"{metric_name} failed: {what}")
