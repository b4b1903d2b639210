"""Figures: what a person sees first of each stage, as plain values by name.

Picks and names what is already measured; nothing is computed here that is not stored. Turning
the values into Dagster metadata is `assets/metadata.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from monitoring_dagster.metrics.estimated import ERROR, LIMITS, PLAIN
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Kind, Monitor, Severity, Task
from monitoring_dagster.profiles.profile import ALL
from monitoring_dagster.profiles.reference import FrozenReference
from monitoring_dagster.reports.sparkline import Picture, Point, trend
from monitoring_dagster.store import Store
from monitoring_dagster.stored import Stored
from monitoring_dagster.telemetry.manifest import Manifest
from monitoring_dagster.telemetry.quality import CheckOutcome, QualityReport

Figures = dict[str, object]

TREND_DAYS = 60
MOST_DRIFTED = 12

HEADLINES = {
    Task.BINARY: ("roc_auc", "f1", "precision", "recall", "log_loss", "base_rate"),
    Task.MULTICLASS: ("accuracy", "f1_macro", "log_loss", "roc_auc_macro"),
    Task.REGRESSION: ("mae", "rmse", "bias", "r2"),
    Task.RANKING: (),
}
"""The metrics of each task that a page shows; the store has them all."""


def of_reference(frozen: FrozenReference) -> Figures:
    """What the reference was frozen from."""
    return {
        "reference": frozen.id,
        "grid": frozen.grid.id,
        "days": len(frozen.days),
        "rows": frozen.rows,
        "columns": [
            {"column": name, "cells": cells.cell_count, "kind": cells.kind}
            for name, cells in frozen.grid.columns.items()
        ],
        "segments": {name: len(values) for name, values in frozen.grid.segments.items()},
    }


def of_snapshot(manifest: Manifest) -> Figures:
    """What a snapshot holds, and what it refused."""
    figures: Figures = {
        "dagster/row_count": manifest.rows,
        "status": manifest.status,
        "quarantined rows": sum(manifest.quarantined.values()),
        "duplicates": manifest.duplicates,
        "conflicts": manifest.conflicts,
        "undeclared columns": manifest.undeclared_count,
        "missing columns": len(manifest.missing_columns),
        "sha256": manifest.sha256,
        "configuration": manifest.config_hash,
        "as of": manifest.as_of,
    }
    if manifest.reason:
        figures["reason"] = f"{manifest.reason}: {manifest.detail}"
    if manifest.quarantined:
        figures["quarantined by reason"] = manifest.quarantined
    if manifest.missing_columns:
        figures["columns without data"] = ", ".join(manifest.missing_columns)
    if manifest.kind is Kind.LABELS:
        figures |= {
            "maturity": manifest.maturity,
            "orphan labels": manifest.orphans,
            "changed labels": manifest.relabelled,
        }
    return figures


def of_shape(stored: Stored) -> Figures:
    """What a profile counted."""
    return _summary(stored) | _values(stored, ("rows",))


def of_labels(stored: Stored) -> Figures:
    """How complete the labels of a day are."""
    maturity = next((m.maturity for m in stored.measurements if m.maturity), None)
    return {"maturity": maturity} | _values(stored, ("label_coverage",)) | _summary(stored)


def of_performance(
    stored: Sequence[Stored], store: Store, monitor: Monitor
) -> dict[dt.date, Figures]:
    """The headline metrics of each day, and the trend of the first of them."""
    headlines = HEADLINES[monitor.model.task]
    figures = {
        s.day: _values(s, headlines) | _segments(s, headlines[:1]) | of_labels(s) for s in stored
    }
    return _with_trend(figures, store, monitor, headlines[:1])


def of_estimates(
    stored: Sequence[Stored], store: Store, monitor: Monitor
) -> dict[dt.date, Figures]:
    """Each estimate, what is known of the truth, and the limits of all of them."""
    headlines = HEADLINES[monitor.model.task][:1]
    figures = {s.day: {"estimates": _estimates(s), "limits": LIMITS} | _summary(s) for s in stored}
    return _with_trend(figures, store, monitor, [f"{PLAIN}{name}" for name in headlines])


def _estimates(stored: Stored) -> list[dict[str, object]]:
    whole = [m for m in stored.measurements if m.segment == m.model_version == ALL]
    missed = {m.column: m for m in whole if m.metric == ERROR}
    rows: list[dict[str, object]] = []
    for m in whole:
        if m.metric == ERROR:
            continue
        is_ok = m.estimate.status is Status.OK
        error = missed.get(f"@{m.metric}")
        has_error = error is not None and error.estimate.status is Status.OK
        rows.append(
            {
                "estimate": m.metric,
                "value": round(m.estimate.value, 4) if is_ok else None,
                "band": f"{m.estimate.ci_low:.3f} to {m.estimate.ci_high:.3f}" if is_ok else "",
                "on the reference": m.reference_value,
                "missed the truth by": round(error.estimate.value, 4)
                if error is not None and has_error
                else None,
                "reason": "" if is_ok else m.estimate.reason.value,
            }
        )
    return rows


def of_operations(
    stored: Sequence[Stored], store: Store, monitor: Monitor
) -> dict[dt.date, Figures]:
    """Requests, errors and latency of each day, and the trend of the slowest requests."""
    names = ("requests", "error_rate", "latency_p50", "latency_p95", "latency_p99")
    figures = {s.day: _values(s, names) | _summary(s) for s in stored}
    has_latency = any("latency_p95" in f for f in figures.values())
    return _with_trend(figures, store, monitor, ["latency_p95" if has_latency else "requests"])


def of_drift(stored: Sequence[Stored], store: Store, monitor: Monitor) -> dict[dt.date, Figures]:
    """The most drifted columns of each day, and the trend of the one that leads the last day."""
    figures: dict[dt.date, Figures] = {}
    leader = ""
    for s in stored:
        ranked = _ranked(s.measurements)
        leader = ranked[0].column if ranked else ""
        figures[s.day] = {
            "most drifted columns": [
                {
                    "column": m.column,
                    "jensen_shannon": round(m.estimate.value, 4),
                    "95 % interval": f"{m.estimate.ci_low:.3f} to {m.estimate.ci_high:.3f}",
                    "rows": m.estimate.n,
                }
                for m in ranked[:MOST_DRIFTED]
            ],
            **{f"jensen_shannon of {m.column}": m.estimate.value for m in ranked},
            **_summary(s),
        }
    return _with_trend(figures, store, monitor, ["jensen_shannon"] if leader else [], leader)


def broken_expectations(
    reports: Mapping[dt.date, QualityReport], kind: Kind
) -> list[tuple[dt.date, CheckOutcome]]:
    """Expectations on `kind` that failed or could not be evaluated, day by day."""
    return [
        (day, outcome)
        for day, report in reports.items()
        for outcome in report.outcomes
        if outcome.kind is kind and outcome.result in ("failed", "errored")
    ]


def worst_severity(reports: Mapping[dt.date, QualityReport], kind: Kind) -> Severity:
    """The worst severity among the broken expectations on `kind`."""
    order = list(Severity)
    broken = [outcome.severity for _, outcome in broken_expectations(reports, kind)]
    return max(broken, key=order.index, default=Severity.WARNING)


def of_quality(
    reports: Mapping[dt.date, QualityReport],
    kind: Kind,
    broken: Sequence[tuple[dt.date, CheckOutcome]],
) -> Figures:
    """How many expectations held, and each one that did not; errored apart from failed."""
    outcomes = [o for report in reports.values() for o in report.outcomes if o.kind is kind]
    results = [outcome.result for outcome in outcomes]
    return {
        "days": len(reports),
        "expectations": len(outcomes),
        "failed": results.count("failed"),
        "errored": results.count("errored"),
        "withheld columns": ", ".join(
            sorted({c for report in reports.values() for c in report.condemned_columns})
        )
        or "none",
        "broken expectations": [
            {
                "day": day.isoformat(),
                "column": outcome.column or "",
                "expectation": outcome.expect,
                "result": outcome.result,
                "severity": outcome.severity.value,
                "observed": outcome.observed,
                "detail": outcome.detail,
            }
            for day, outcome in broken
        ],
    }


def _summary(stored: Stored) -> Figures:
    """How much was measured; what was not, with the reasons."""
    figures: Figures = {
        "measurements": len(stored.measurements),
        "without a value": len(stored.measurements) - stored.computed,
        "evaluation": f"{stored.recorded.evaluation_id} (revision {stored.recorded.revision})",
    }
    if stored.reasons:
        figures["reasons"] = {str(reason): count for reason, count in stored.reasons.items()}
    return figures


def _values(stored: Stored, metrics: Iterable[str]) -> Figures:
    overall = {m.metric: m for m in stored.measurements if m.segment == m.model_version == ALL}
    return {
        name: overall[name].estimate.value if overall[name].estimate.status is Status.OK else None
        for name in metrics
        if name in overall
    }


def _segments(stored: Stored, metrics: Sequence[str]) -> Figures:
    rows = [
        {
            "segment": m.segment,
            m.metric: round(m.estimate.value, 4) if m.estimate.status is Status.OK else None,
            "rows": m.estimate.n,
            "reason": "" if m.estimate.status is Status.OK else m.estimate.reason.value,
        }
        for m in stored.measurements
        if m.metric in metrics and m.segment != ALL and m.model_version == ALL
    ]
    return {"by segment": rows} if rows else {}


def _ranked(measurements: Iterable[Measurement]) -> list[Measurement]:
    """Columns by Jensen-Shannon distance, the one measure that all kinds of columns share."""
    found = [
        m
        for m in measurements
        if m.metric == "jensen_shannon"
        and m.segment == m.model_version == ALL
        and m.estimate.status is Status.OK
    ]
    return sorted(found, key=lambda m: m.estimate.value, reverse=True)


def _with_trend(
    figures: dict[dt.date, Figures],
    store: Store,
    monitor: Monitor,
    metrics: Sequence[str],
    column: str | None = None,
) -> dict[dt.date, Figures]:
    """Hang the trend on the last day alone: the page shows the newest, and bytes cost."""
    if figures and metrics:
        last = max(figures)
        trend_of = _trend(store, monitor, metrics[0], last, column)
        figures[last] = {"trend": trend_of} | figures[last]
    return figures


def _trend(
    store: Store, monitor: Monitor, metric: str, last: dt.date, column: str | None
) -> Picture:
    first = last - dt.timedelta(days=TREND_DAYS - 1)
    table = store.measurements(
        monitor.name,
        metric=metric,
        column=column,
        segment=ALL,
        model_version=ALL,
        first_day=first,
        last_day=last,
    )
    rows = {row["day"]: row for row in table.to_pylist()}
    points = [_point(day, rows.get(day)) for day in _calendar(first, last, monitor)]
    reference = next((r["reference_value"] for r in rows.values() if r["reference_value"]), None)
    title = f"{metric} of {column}" if column else metric
    return Picture.of(trend(title, points, reference), f"trend of {title}")


def _calendar(first: dt.date, last: dt.date, monitor: Monitor) -> list[dt.date]:
    first = max(first, monitor.first_day)
    return [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]


def _point(day: dt.date, row: Mapping[str, object] | None) -> Point:
    nan = float("nan")
    if row is None:
        return Point(day.isoformat(), nan, nan, nan)
    numbers = [row[name] for name in ("value", "ci_low", "ci_high")]
    return Point(day.isoformat(), *[n if isinstance(n, float) else nan for n in numbers])
