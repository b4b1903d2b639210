"""Evidently's DataDriftPreset at its defaults. Runs in the peers' environment."""

from __future__ import annotations

import sys

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

reference, day = (pd.read_parquet(path).drop(columns="id") for path in sys.argv[1:3])
print(len(Report([DataDriftPreset()]).run(day, reference).dict()["metrics"]))
