"""Great Expectations: evaluates expectations on a frame of one snapshot.

It is asked about values only; types are the contract's matter and row counts the manifest's.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from monitoring_dagster.monitors.contract import Column, ColumnType, Expectation, Privacy

if TYPE_CHECKING:
    import pandas as pd

_ONE_AT_A_TIME = threading.Lock()
"""Great Expectations keeps its project in a global."""

_CLASSES = {
    "not_null": "ExpectColumnValuesToNotBeNull",
    "between": "ExpectColumnValuesToBeBetween",
    "in_set": "ExpectColumnValuesToBeInSet",
    "matches": "ExpectColumnValuesToMatchRegex",
    "unique": "ExpectColumnValuesToBeUnique",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found: how many of the compared rows do not comply, or what went wrong."""

    result: Literal["passed", "failed", "errored"]
    rows: int = 0
    unexpected_rows: int | None = None
    error: str = ""


def validate(
    frame: pd.DataFrame, expectations: Sequence[Expectation], columns: Mapping[str, Column]
) -> list[Answer]:
    """One answer per expectation, in their order; never raises for an expectation's sake.

    Args:
        frame: Rows of one snapshot.
        expectations: About columns of the frame.
        columns: The declared columns of the snapshot.
    """
    asked = {_question(e): e.model_copy(update={"mostly": 1.0}) for e in expectations}
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # Its warnings, and those of pandas inside, are about code that nobody here can change.
        warnings.simplefilter("ignore")
        answers = dict(zip(asked, _asked(frame, list(asked.values()), columns), strict=True))
    return [_judged(answers[_question(e)], e.mostly) for e in expectations]


def _question(expectation: Expectation) -> str:
    """What is evaluated: expectations that differ in their tolerance only are evaluated once."""
    return expectation.model_dump_json(exclude={"mostly", "severity", "because"})


def _judged(answer: Answer, mostly: float) -> Answer:
    """The answer under a tolerance: `mostly` is the share of compared rows that must comply."""
    if answer.unexpected_rows is None or answer.result == "errored":
        return answer
    complying = answer.rows - answer.unexpected_rows
    return replace(answer, result="passed" if complying >= mostly * answer.rows else "failed")


def _asked(
    frame: pd.DataFrame, expectations: Sequence[Expectation], columns: Mapping[str, Column]
) -> list[Answer]:
    answers: dict[int, Answer] = {}
    built: list[Any] = []
    for index, expectation in enumerate(expectations):
        column = columns[str(expectation.column)]
        try:
            built.append(_built(expectation, column, index))
        except Exception as error:  # noqa: BLE001 - pydantic's and whatever else it raises
            answers[index] = _errored(str(error), column)
    try:
        results = _run(frame, built)
    except Exception as error:  # noqa: BLE001 - its failure is no statement about the data
        answers |= {b.meta["index"]: Answer("errored", error=type(error).__name__) for b in built}
    else:
        for result in results:
            index = result.expectation_config.meta["index"]
            answers[index] = _answer(result, columns[str(expectations[index].column)])
    return [answers[index] for index in range(len(expectations))]


@cache
def _batch_definition() -> Any:
    """Where frames are handed over; made once per process, for it costs more than a check."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("snapshots")
    return source.add_dataframe_asset("snapshot").add_batch_definition_whole_dataframe("day")


def _run(frame: pd.DataFrame, built: list[Any]) -> list[Any]:
    import great_expectations as gx

    definition = _batch_definition()
    # In one call: a suite that expectations are added to takes quadratic time.
    suite = gx.ExpectationSuite(name="quality", expectations=built)
    batch = definition.get_batch(batch_parameters={"dataframe": frame})
    # No examples: a report must not carry values of rows.
    shape = {"result_format": "BASIC", "partial_unexpected_count": 0}
    return batch.validate(suite, result_format=shape).results


def _built(expectation: Expectation, column: Column, index: int) -> Any:
    from great_expectations import expectations as gxe

    arguments: dict[str, Any] = {
        "column": expectation.column,
        "mostly": expectation.mostly,
        "meta": {"index": index},
    }
    if expectation.expect == "between":
        arguments |= {"min_value": expectation.minimum, "max_value": expectation.maximum}
    elif expectation.expect == "in_set":
        arguments["value_set"] = [_as_stored(v, column.stored_type) for v in expectation.values]
    elif expectation.expect == "matches":
        arguments["regex"] = expectation.pattern
    return getattr(gxe, _CLASSES[expectation.expect])(**arguments)


def _as_stored(value: str | float | bool, stored: ColumnType) -> str | float | bool:
    """A value of the document as a snapshot holds it: 1 and true are `1` and `true` in text.

    >>> [_as_stored(v, ColumnType.CATEGORY) for v in (1, 2.0, True, "UA")]
    ['1', '2', 'true', 'UA']
    """
    if stored is ColumnType.BOOLEAN and value in (0, 1):
        return bool(value)
    if stored not in (ColumnType.CATEGORY, ColumnType.TEXT):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _answer(result: Any, column: Column) -> Answer:
    if (message := _raised(result.exception_info)) is not None:
        return _errored(message, column)
    found = result.result
    rows = int(found["element_count"]) - int(found.get("missing_count") or 0)
    unexpected = int(found["unexpected_count"])
    return Answer("passed" if result.success else "failed", rows, unexpected)


def _raised(info: Mapping[str, Any]) -> str | None:
    """The text of what was raised; its place depends on whether it was a metric that raised."""
    if "raised_exception" in info:
        return str(info["exception_message"]) if info["raised_exception"] else None
    messages = [str(i["exception_message"]) for i in info.values() if i["raised_exception"]]
    return messages[0] if messages else None


def _errored(message: str, column: Column) -> Answer:
    """The first line of the message, unless it could quote a value that nobody may see."""
    if column.privacy is not Privacy.NONE:
        message = "the column is private, so the message is not shown"
    return Answer("errored", error=(message.strip().splitlines() or [""])[0][:300])
