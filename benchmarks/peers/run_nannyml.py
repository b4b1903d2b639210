"""NannyML's univariate drift, realised and estimated performance. Runs in the peers' environment.

python run_nannyml.py [--outcome LABEL DECISION SCORE] REFERENCE RESULT FOLDER [FOLDER ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import nannyml
import pandas as pd

METRICS = ("roc_auc", "f1", "accuracy")
BY_DAY = {"timestamp_column_name": "day", "chunk_period": "D"}

Row = dict[str, object]


def main() -> None:
    """Write what the calculators say of every day of every folder."""
    given = _arguments()
    reference = pd.read_parquet(given.reference)
    decision = given.outcome[1] if given.outcome else ""
    columns = [name for name in reference.columns if name not in ("day", decision)]
    drift = {name: _fitted(reference, name) for name in columns}
    performance = _performance(reference, given.outcome) if given.outcome else {}
    rows: list[Row] = []
    for folder in given.folders:
        days = [_day(path) for path in sorted(folder.glob("*.parquet"))]
        if not days:
            continue
        current = pd.concat(days, ignore_index=True) if len(days) > 1 else days[0]
        found = list(_drift(drift, current))
        if given.outcome and set(given.outcome) <= set(current.columns):
            found += _outcomes(performance, current, given.outcome)
        rows += [{"folder": folder.name, **row} for row in found]
    pd.DataFrame(rows).to_parquet(given.result)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--outcome", nargs=3, metavar=("LABEL", "DECISION", "SCORE"))
    parser.add_argument("reference", type=Path)
    parser.add_argument("result", type=Path)
    parser.add_argument("folders", type=Path, nargs="+")
    return parser.parse_args()


def _day(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).assign(day=pd.Timestamp(path.stem))


def _fitted(reference: pd.DataFrame, name: str) -> object:
    """The calculator of one column, or why there is none."""
    try:
        calculator = nannyml.UnivariateDriftCalculator(column_names=[name], **BY_DAY)
        return calculator.fit(reference[[name, "day"]])
    except Exception as error:  # noqa: BLE001 - what a tool raises is a result
        return f"{type(error).__name__}: {error}"[:300]


def _performance(reference: pd.DataFrame, outcome: Sequence[str]) -> dict[str, object]:
    label, decision, score = outcome
    asked = {
        "y_true": label,
        "y_pred": decision,
        "y_pred_proba": score,
        "problem_type": "classification_binary",
        "metrics": list(METRICS),
        **BY_DAY,
    }
    known = reference.dropna(subset=list(outcome))
    return {
        "": nannyml.PerformanceCalculator(**asked).fit(known),
        "estimated_": nannyml.CBPE(**asked).fit(known),
    }


def _drift(calculators: dict[str, object], current: pd.DataFrame) -> Iterator[Row]:
    for name, calculator in calculators.items():
        if name not in current.columns:
            continue
        try:
            if isinstance(calculator, str):
                raise ValueError(calculator)
            result = calculator.calculate(current[[name, "day"]])
        except Exception as error:  # noqa: BLE001 - what a tool raises is a result
            yield from _failed(current, name, error)
            continue
        methods = result.continuous_method_names + result.categorical_method_names
        yield from _rows(result, name, methods, lambda method, name=name: (name, method))


def _outcomes(
    calculators: dict[str, object], current: pd.DataFrame, outcome: Sequence[str]
) -> Iterator[Row]:
    label, decision, score = outcome
    for prefix, calculator in calculators.items():
        needed = [decision, score] if prefix else [label, decision, score]
        rows = current.dropna(subset=needed)
        if not len(rows):
            continue
        try:
            result = calculator.estimate(rows) if prefix else calculator.calculate(rows)
        except Exception as error:  # noqa: BLE001 - what a tool raises is a result
            yield from _failed(current, "", error)
            continue
        yield from _rows(result, "", METRICS, lambda metric: (metric,), prefix)


def _rows(result, column, metrics, path, prefix="") -> Iterator[Row]:
    """One row per chunk and metric of a result that keeps them below `path(metric)`."""
    table = result.filter(period="analysis").to_df()
    days = pd.to_datetime(
        table[("chunk", "start_date")]
        if ("chunk", "start_date") in table
        else table[("chunk", "chunk", "start_date")]
    ).dt.date
    for metric in dict.fromkeys(metrics):
        at = path(metric)
        if (*at, "value") not in table:
            continue
        upper, lower = table[(*at, "upper_threshold")], table[(*at, "lower_threshold")]
        for day, value, high, low, alert in zip(
            days, table[(*at, "value")], upper, lower, table[(*at, "alert")], strict=True
        ):
            limit = high if high is not None and not pd.isna(high) else low
            yield _row(str(day), column, prefix + metric, value, limit, alert)


def _failed(current: pd.DataFrame, column: str, error: Exception) -> Iterator[Row]:
    for day in sorted({str(stamp.date()) for stamp in current["day"]}):
        text = f"{type(error).__name__}: {error}"[:300]
        yield _row(day, column, "univariate", None, None, is_alert=False, error=text)


def _row(
    day: str,
    column: str,
    metric: str,
    value: object,
    threshold: object,
    is_alert: object,
    error: str = "",
) -> Row:
    return {
        "day": day,
        "column": column,
        "metric": metric,
        "value": float("nan") if value is None else float(value),
        "threshold": float("nan") if threshold is None else float(threshold),
        "alert": bool(is_alert),
        "error": error,
    }


if __name__ == "__main__":
    main()
