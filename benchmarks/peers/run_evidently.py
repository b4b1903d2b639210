"""Evidently's `DataDriftPreset` on each day. Runs in the peers' environment.

python run_evidently.py [--known TABLE] [--method NAME] REFERENCE RESULT FOLDER [FOLDER ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

Row = dict[str, object]


def main() -> None:
    """Write what the preset says of every day of every folder."""
    given = _arguments()
    reference = pd.read_parquet(given.reference).drop(columns="day")
    known = _alerts(pd.read_parquet(given.known)) if given.known else None
    rows: list[Row] = []
    for folder in given.folders:
        for path in sorted(folder.glob("*.parquet")):
            found = list(_of_day(reference, pd.read_parquet(path), given.method))
            rows += [{"folder": folder.name, "day": path.stem, **row} for row in found]
            # A minute of computing for what no longer matters: the change is found.
            if known is not None and _alerts(pd.DataFrame(rows[-len(found) :])) - known:
                break
    pd.DataFrame(rows).to_parquet(given.result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--known", type=Path, help="a result: a folder ends at the first alert that this lacks"
    )
    parser.add_argument("--method", help="of numbers, instead of the default")
    parser.add_argument("reference", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    return parser.parse_args()


def _of_day(reference: pd.DataFrame, current: pd.DataFrame, method: str | None) -> Iterator[Row]:
    """One row per column, one for the data set, or one with the error that ended the report."""
    shared = [name for name in current.columns if name in reference.columns]
    new = [name for name in current.columns if name not in reference.columns]
    try:
        report = Report([DataDriftPreset(num_method=method)])
        metrics = report.run(current[shared + new], reference[shared]).dict()["metrics"]
    except Exception as error:  # noqa: BLE001 - what a tool raises is a result
        yield _row("", "report", error=f"{type(error).__name__}: {error}"[:300])
        return
    for metric in metrics:
        config, value = metric["config"], metric["value"]
        if config["type"].endswith(":DriftedColumnsCount"):
            limit = config["drift_share"]
            is_alert = value["share"] >= limit
            yield _row("", "drifted_share", value["share"], limit, is_alert)
        else:
            limit, is_p_value = config["threshold"], "p_value" in config["method"]
            is_alert = value <= limit if is_p_value else value >= limit
            yield _row(config["column"], config["method"], value, limit, is_alert)


def _row(
    column: str,
    metric: str,
    value: float = float("nan"),
    threshold: float = float("nan"),
    is_alert: object = False,
    error: str = "",
) -> Row:
    return {
        "column": column,
        "metric": metric,
        "value": float(value),
        "threshold": float(threshold),
        "alert": bool(is_alert),
        "error": error,
    }


def _alerts(table: pd.DataFrame) -> set[tuple[str, str]]:
    told = table[table["alert"] & (table["column"] != "")]
    return set(zip(told["day"], told["column"], strict=True))


if __name__ == "__main__":
    main()
