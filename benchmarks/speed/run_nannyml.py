"""NannyML's univariate drift, default methods, all columns. Runs in the peers' environment."""

from __future__ import annotations

import sys

import nannyml
import pandas as pd

reference, day = (pd.read_parquet(path).drop(columns="id") for path in sys.argv[1:3])
calculator = nannyml.UnivariateDriftCalculator(column_names=list(reference.columns))
print(calculator.fit(reference).calculate(day).to_df().shape)
