"""Data quality as measurements: how many checks passed, and how many rows break them.

The checks themselves belong to the telemetry; here they only become rows of the public table.
"""

from __future__ import annotations

from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.metrics.quality.passed_share import passed_share
from monitoring_dagster.metrics.quality.unexpected_rate import unexpected_rate
from monitoring_dagster.telemetry.quality.report import CheckOutcome, QualityReport

__all__ = ["measure"]


def measure(report: QualityReport) -> list[Measurement]:
    """`quality_passed_share` per kind of telemetry, `quality_unexpected_rate` per column.

    The kind stands in the measurement's column as `@features`, `@predictions` or `@labels`; no
    column of a monitor begins with `@`. A column that several kinds carry is measured once, by
    its worst expectation anywhere.
    """
    by_kind: dict[str, list[CheckOutcome]] = {}
    by_column: dict[str, list[CheckOutcome]] = {}
    for outcome in report.outcomes:
        by_kind.setdefault(f"@{outcome.kind}", []).append(outcome)
        if outcome.column is not None:
            by_column.setdefault(outcome.column, []).append(outcome)
    return [
        *(Measurement("quality_passed_share", passed_share(o), k) for k, o in by_kind.items()),
        *(
            Measurement("quality_unexpected_rate", unexpected_rate(o), c)
            for c, o in by_column.items()
        ),
    ]
