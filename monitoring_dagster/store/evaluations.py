"""Writing evaluations: one stage of one monitor's day, with the measurements it produced.

An evaluation replaces the one before it as a whole. Reading them back is `reading`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from monitoring_dagster.errors import StoreError
from monitoring_dagster.store.tables import evaluation, measurement
from monitoring_dagster.store.values import finite_or_none, free_text, key_text, split_number

KEY_BYTES = 512
"""Longest text in a key: all six parts together stay below PostgreSQL's limit of 2,704 bytes."""

SHORT_KEY_BYTES = 256

DETAIL_BYTES = 2_000

_OF_EVALUATION = {
    "monitor",
    "day",
    "stage",
    "config_hash",
    "evaluation_id",
    "revision",
    "computed_at",
}
_ROW_KEYS = frozenset(measurement.c.keys()) - _OF_EVALUATION

Row = Mapping[str, Any]

_LATEST = (
    sa.select(
        evaluation.c.id,
        evaluation.c.revision,
        evaluation.c.config_hash,
        evaluation.c.algorithm_version,
        evaluation.c.input_fingerprint,
    )
    .where(
        evaluation.c.monitor == sa.bindparam("monitor"),
        evaluation.c.day == sa.bindparam("day"),
        evaluation.c.stage == sa.bindparam("stage"),
    )
    .order_by(evaluation.c.revision.desc())
    .limit(1)
)
_INSERT_EVALUATION = sa.insert(evaluation).returning(evaluation.c.id)
_INSERT_MEASUREMENTS = sa.insert(measurement)
_DELETE_MEASUREMENTS = sa.delete(measurement).where(
    measurement.c.monitor == sa.bindparam("monitor"),
    measurement.c.day == sa.bindparam("day"),
    measurement.c.stage == sa.bindparam("stage"),
)


@dataclass(frozen=True, slots=True)
class EvaluationInput:
    """What was evaluated, from which input, and when.

    `as_of` is the instant whose knowledge was used, `computed_at` the one at which it was done;
    both must be aware. The other texts are compared, never interpreted.
    """

    monitor: str
    day: dt.date
    stage: str
    config_hash: str
    algorithm_version: str
    input_fingerprint: str
    as_of: dt.datetime
    run_id: str
    computed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where an evaluation is stored; `written` is False where it already was."""

    evaluation_id: int
    revision: int
    written: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """An evaluation whose rows were checked and made storable."""

    about: EvaluationInput
    rows: Sequence[dict[str, Any]]


def prepare(about: EvaluationInput, rows: Iterable[Row]) -> Prepared:
    """Make the rows storable, before a transaction begins.

    Raises:
        StoreError: A row has an unknown key, or two rows are about the same thing.
    """
    stored = [_storable(row) for row in rows]
    seen: set[tuple[object, ...]] = set()
    for row in stored:
        key = (row["metric"], row["column"], row["segment"], row["model_version"])
        if key in seen:
            raise StoreError(
                f"stage {about.stage} of {about.monitor} {about.day} measured {key} twice; "
                "metric, column, segment and model_version must tell its rows apart"
            )
        seen.add(key)
    return Prepared(about, stored)


def write(connection: sa.Connection, prepared: Sequence[Prepared]) -> list[Recorded]:
    """Store the evaluations, one after the other, in the caller's transaction."""
    take_turn(connection, [p.about.monitor for p in prepared])
    return [_write_one(connection, p) for p in prepared]


def take_turn(connection: sa.Connection, monitors: Iterable[str]) -> None:
    """Wait until nobody else writes these monitors; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        # Sorted, so that two who want several cannot deadlock.
        for monitor in sorted(set(monitors)):
            key = sa.func.hashtextextended(f"monitoring-dagster:{monitor}", 0)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _write_one(connection: sa.Connection, prepared: Prepared) -> Recorded:
    about = prepared.about
    latest = connection.execute(_LATEST, _identity(about)).first()
    if (recorded := _as_it_was(latest, about)) is not None:
        return recorded
    revision = 1 if latest is None else latest.revision + 1
    evaluation_id = connection.execute(
        _INSERT_EVALUATION,
        {
            **_identity(about),
            "revision": revision,
            "config_hash": about.config_hash,
            "algorithm_version": about.algorithm_version,
            "input_fingerprint": about.input_fingerprint,
            "as_of": about.as_of,
            "run_id": free_text(about.run_id, max_bytes=SHORT_KEY_BYTES),
            "computed_at": about.computed_at,
            "measurement_rows": len(prepared.rows),
        },
    ).scalar_one()
    # Rows that the stage no longer produces must go, and rewriting all of them costs no more
    # than finding out which.
    connection.execute(_DELETE_MEASUREMENTS, _identity(about))
    shared = {
        **_identity(about),
        "config_hash": about.config_hash,
        "evaluation_id": evaluation_id,
        "revision": revision,
        "computed_at": about.computed_at,
    }
    if prepared.rows:
        connection.execute(_INSERT_MEASUREMENTS, [{**row, **shared} for row in prepared.rows])
    return Recorded(evaluation_id, revision, written=True)


def _identity(about: EvaluationInput) -> dict[str, Any]:
    return {
        "monitor": key_text(about.monitor, max_bytes=SHORT_KEY_BYTES),
        "day": about.day,
        "stage": key_text(about.stage, max_bytes=SHORT_KEY_BYTES),
    }


def unchanged(connection: sa.Connection, about: EvaluationInput) -> Recorded | None:
    """The latest evaluation of the same stage and day where it was made of the same; else None."""
    return _as_it_was(connection.execute(_LATEST, _identity(about)).first(), about)


def _as_it_was(latest: Any, about: EvaluationInput) -> Recorded | None:
    if latest is None or (
        latest.input_fingerprint != about.input_fingerprint
        or latest.config_hash != about.config_hash
        or latest.algorithm_version != about.algorithm_version
    ):
        return None
    return Recorded(latest.id, latest.revision, written=False)


def _storable(row: Row) -> dict[str, Any]:
    if unknown := row.keys() - _ROW_KEYS:
        raise StoreError(
            f"a measurement has no {', '.join(sorted(unknown))}; "
            f"it may have {', '.join(sorted(_ROW_KEYS))}"
        )
    value, state = split_number(row.get("value"))
    n = row.get("n")
    return {
        "metric": key_text(row["metric"], max_bytes=SHORT_KEY_BYTES),
        "column": key_text(row.get("column") or "", max_bytes=KEY_BYTES),
        "segment": key_text(row.get("segment") or "all", max_bytes=KEY_BYTES),
        "model_version": key_text(row.get("model_version") or "all", max_bytes=SHORT_KEY_BYTES),
        "value": value,
        "value_state": state if value is not None else row.get("value_state") or state,
        "ci_low": finite_or_none(row.get("ci_low")),
        "ci_high": finite_or_none(row.get("ci_high")),
        "reference_value": finite_or_none(row.get("reference_value")),
        "null_high": finite_or_none(row.get("null_high")),
        "n": None if n is None else int(n),
        "status": str(row["status"]),
        "verdict": None if row.get("verdict") is None else str(row["verdict"]),
        "reason": str(row["reason"]),
        "detail": free_text(row.get("detail"), max_bytes=DETAIL_BYTES),
        "coverage": finite_or_none(row.get("coverage")),
        "maturity": None if row.get("maturity") is None else str(row["maturity"]),
    }
