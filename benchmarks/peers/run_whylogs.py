"""whylogs' drift scores with their default categories. Runs in the peers' environment.

python run_whylogs.py REFERENCE RESULT FOLDER [FOLDER ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import whylogs
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

Row = dict[str, object]


def main() -> None:
    """Write what is said of every day of every folder."""
    given = _arguments()
    reference = whylogs.log(pd.read_parquet(given.reference).drop(columns="day")).view()
    rows: list[Row] = []
    for folder in given.folders:
        for path in sorted(folder.glob("*.parquet")):
            found = _of_day(reference, pd.read_parquet(path))
            rows += [{"folder": folder.name, "day": path.stem, **row} for row in found]
    pd.DataFrame(rows).to_parquet(given.result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("reference", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    return parser.parse_args()


def _of_day(reference, current: pd.DataFrame) -> Iterator[Row]:
    """One row per column; `DRIFT` counts as an alert, `POSSIBLE_DRIFT` does not."""
    try:
        scores = calculate_drift_scores(
            whylogs.log(current).view(), reference, with_thresholds=True
        )
    except Exception as error:  # noqa: BLE001 - what a tool raises is a result
        yield _row("", "report", error=f"{type(error).__name__}: {error}"[:300])
        return
    for column, score in scores.items():
        if score is None:
            yield _row(column, "none", error="no drift score")
            continue
        value = score["statistic"] if score["pvalue"] is None else score["pvalue"]
        limit = score["thresholds"]["DRIFT"][1]
        is_alert = score["drift_category"] == "DRIFT"
        yield _row(column, score["algorithm"], value, limit, is_alert=is_alert)


def _row(
    column: str,
    metric: str,
    value: float = float("nan"),
    threshold: float = float("nan"),
    *,
    is_alert: bool = False,
    error: str = "",
) -> Row:
    return {
        "column": column,
        "metric": metric,
        "value": float(value),
        "threshold": float(threshold),
        "alert": is_alert,
        "error": error,
    }


if __name__ == "__main__":
    main()
