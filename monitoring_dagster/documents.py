"""The monitors of a folder, judged also by what the later rooms can do for them.

The loader knows the document alone; a rule that needs another room is added here, so that
`check`, the doctor, a run and the code location all call the same documents valid.
"""

from __future__ import annotations

from pathlib import Path

from monitoring_dagster.metrics.catalogue import objectives_can_be_measured
from monitoring_dagster.monitors import loader
from monitoring_dagster.monitors.loader import Loaded
from monitoring_dagster.retraining.gate import can_be_compared


def load(path: Path) -> Loaded:
    """What a folder, or one file, holds: every valid monitor, and every problem."""
    return loader.load_path(path, rules=(objectives_can_be_measured, can_be_compared))
