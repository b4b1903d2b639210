"""A whylogs profile of the day alone, at its defaults. Runs in the peers' environment."""

from __future__ import annotations

import sys

import pandas as pd
import whylogs

print(whylogs.log(pd.read_parquet(sys.argv[2]).drop(columns="id")).view().to_pandas().shape)
