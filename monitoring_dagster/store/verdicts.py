"""Verdicts and the detectors' states: read what was measured, write what follows from it.

A `Docket` is one monitor's side of one transaction, in which nobody else evaluates that monitor.
What follows from a measurement is decided by the caller; reading verdicts for people is `reading`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa

from monitoring_dagster.store import evaluations, incidents
from monitoring_dagster.store.evaluations import (
    DETAIL_BYTES,
    KEY_BYTES,
    SHORT_KEY_BYTES,
    EvaluationInput,
    Recorded,
)
from monitoring_dagster.store.incidents import Kept
from monitoring_dagster.store.tables import (
    detector_state,
    evaluation,
    measurement,
    new_normal,
    verdict,
)
from monitoring_dagster.store.values import finite_or_none, free_text, key_text

STAGE = "evaluation"

Row = Mapping[str, Any]

_NUMBERS = (
    "value",
    "ci_low",
    "ci_high",
    "reference_value",
    "null_high",
    "effect",
    "minimum_effect",
    "smallest_effect",
    "evidence",
    "threshold",
    "importance",
    "impact",
    "prediction_change",
    "cost",
    "cost_low",
    "cost_high",
)
_KEY = ("metric", "column", "segment", "model_version")

_MEASURED = (
    sa.select(
        *(c for c in measurement.c if c.name not in ("monitor", "day", "verdict", "value_state")),
        evaluation.c.as_of,
    )
    .join(evaluation, evaluation.c.id == measurement.c.evaluation_id)
    .where(
        measurement.c.monitor == sa.bindparam("monitor"), measurement.c.day == sa.bindparam("day")
    )
    .order_by(*(measurement.c[name] for name in ("stage", *_KEY)))
)
_FINGERPRINTS = sa.select(
    evaluation.c.stage,
    evaluation.c.revision,
    evaluation.c.input_fingerprint,
    evaluation.c.config_hash,
    evaluation.c.algorithm_version,
).where(
    evaluation.c.monitor == sa.bindparam("monitor"),
    evaluation.c.day == sa.bindparam("day"),
    evaluation.c.stage != STAGE,
)
_JUDGED = (
    sa.update(measurement)
    .where(
        measurement.c.monitor == sa.bindparam("of_monitor"),
        measurement.c.day == sa.bindparam("of_day"),
        *(measurement.c[name] == sa.bindparam(f"of_{name}") for name in _KEY),
    )
    .values(verdict=sa.bindparam("says"))
)


class StoredState(NamedTuple):
    """The detectors' state after `day`, as the text that was stored."""

    day: dt.date
    state: str


class NewNormal(NamedTuple):
    """What people accepted as normal from a day on: detectors start anew there."""

    since: dt.date
    because: str
    accepted_by: str
    accepted_at: dt.datetime


@dataclass(frozen=True)
class Docket:
    """One monitor's evaluations within one transaction."""

    connection: sa.Connection
    monitor: str

    def measured(self, day: dt.date) -> Sequence[Any]:
        """Every measurement of the day in a fixed order, with the `as_of` of its evaluation."""
        return self.connection.execute(_MEASURED, self._about(day)).all()

    def measured_days(self, first: dt.date, last: dt.date) -> list[dt.date]:
        """The days from `first` to `last` of which anything was measured, in order."""
        query = (
            sa.select(evaluation.c.day)
            .distinct()
            .where(
                evaluation.c.monitor == self._name,
                evaluation.c.day.between(first, last),
                evaluation.c.stage != STAGE,
            )
            .order_by(evaluation.c.day)
        )
        return list(self.connection.scalars(query))

    def verdicts(self, day: dt.date, known_until: dt.datetime) -> Sequence[Any]:
        """What is said of the day, as far as it could be known by then, in a fixed order."""
        c = verdict.c
        query = (
            sa.select(verdict)
            .where(
                c.monitor == self._name,
                c.day == day,
                sa.or_(c.known_at.is_(None), c.known_at <= known_until),
            )
            .order_by(c.rule, c.metric, c["column"], c.segment, c.model_version, c.name)
        )
        return self.connection.execute(query).all()

    def open_incidents(self) -> list[Kept]:
        """The monitor's incidents that are not resolved, the oldest first."""
        return incidents.listed(self.connection, monitor=self.monitor, is_open=True)

    def days_known(self, after: dt.datetime, until: dt.datetime) -> list[dt.date]:
        """The days of which something could first be known in that time, in order."""
        c = verdict.c
        query = (
            sa.select(c.day)
            .distinct()
            .where(c.monitor == self._name, c.known_at > after, c.known_at <= until)
            .order_by(c.day)
        )
        return list(self.connection.scalars(query))

    def trend(
        self, metric: str, column: str, segment: str, first: dt.date, last: dt.date
    ) -> list[tuple[dt.date, float]]:
        """A metric's values from `first` to `last`, all model versions together; gaps left out."""
        c = measurement.c
        query = (
            sa.select(c.day, c.value)
            .where(
                c.monitor == self._name,
                c.metric == key_text(metric, max_bytes=SHORT_KEY_BYTES),
                c["column"] == key_text(column, max_bytes=KEY_BYTES),
                c.segment == key_text(segment, max_bytes=KEY_BYTES),
                c.model_version == "all",
                c.day.between(first, last),
                c.value.is_not(None),
            )
            .order_by(c.day)
        )
        return [(row.day, row.value) for row in self.connection.execute(query)]

    def made_of(self, first: dt.date, last: dt.date) -> dict[dt.date, dict[str, str]]:
        """By day: which model versions served, and by which configuration and code it was judged.

        The keys of a day are `model version`, `configuration` and `algorithms`.
        """
        c, e = measurement.c, evaluation.c
        served = (
            sa.select(c.day, c.model_version)
            .where(
                c.monitor == self._name,
                c.metric == "rows",
                c["column"] == "",
                c.segment == "all",
                c.model_version != "all",
                c.day.between(first, last),
            )
            .order_by(c.day, c.model_version)
        )
        judged = (
            sa.select(e.day, e.config_hash, e.algorithm_version)
            .where(e.monitor == self._name, e.stage == STAGE, e.day.between(first, last))
            .order_by(e.day, e.revision)
        )
        found: dict[dt.date, dict[str, str]] = {}
        for row in self.connection.execute(served):
            of_day = found.setdefault(row.day, {})
            before = f"{of_day['model version']}, " if of_day else ""
            of_day["model version"] = before + row.model_version
        for row in self.connection.execute(judged):
            found.setdefault(row.day, {}).update(
                {"configuration": row.config_hash, "algorithms": row.algorithm_version}
            )
        return found

    def fingerprint(self, day: dt.date) -> list[list[str]]:
        """What the day's measurements were made of, stage by stage."""
        latest: dict[str, Any] = {}
        for row in self.connection.execute(_FINGERPRINTS, self._about(day)):
            if row.stage not in latest or row.revision > latest[row.stage].revision:
                latest[row.stage] = row
        return [
            [
                stage,
                str(row.revision),
                row.input_fingerprint,
                row.config_hash,
                row.algorithm_version,
            ]
            for stage, row in sorted(latest.items())
        ]

    def state_before(self, day: dt.date) -> StoredState | None:
        """The state after the last evaluated day before `day`."""
        query = (
            sa.select(detector_state.c.day, detector_state.c.state)
            .where(detector_state.c.monitor == self._name, detector_state.c.day < day)
            .order_by(detector_state.c.day.desc())
            .limit(1)
        )
        found = self.connection.execute(query).first()
        return None if found is None else StoredState(found.day, found.state)

    def evaluated_since(self, day: dt.date) -> list[dt.date]:
        """`day` and the days after it, as far as they were evaluated, in order."""
        query = (
            sa.select(detector_state.c.day)
            .where(detector_state.c.monitor == self._name, detector_state.c.day >= day)
            .order_by(detector_state.c.day)
        )
        return list(self.connection.scalars(query))

    def current(self, about: EvaluationInput) -> Recorded | None:
        """The latest evaluation of the day's stage where it was made of the same; else None."""
        return evaluations.unchanged(self.connection, about)

    def state_after(self, day: dt.date) -> str:
        """The state after a day that was evaluated."""
        query = sa.select(detector_state.c.state).where(
            detector_state.c.monitor == self._name, detector_state.c.day == day
        )
        return self.connection.execute(query).scalar_one()

    def new_normals(self) -> list[NewNormal]:
        """What was accepted as normal, by the day from which on it is."""
        c = new_normal.c
        query = (
            sa.select(c.since, c.because, c.accepted_by, c.accepted_at)
            .where(c.monitor == self._name)
            .order_by(c.since, c.id)
        )
        return [NewNormal(*row) for row in self.connection.execute(query)]

    def accept(self, accepted: NewNormal) -> bool:
        """Remember what is normal from a day on; what was remembered is never changed.

        Returns:
            False where the same was accepted already.
        """
        said = accepted._replace(
            because=free_text(accepted.because, max_bytes=DETAIL_BYTES),
            accepted_by=free_text(accepted.accepted_by, max_bytes=SHORT_KEY_BYTES),
        )
        if any(said[:3] == known[:3] for known in self.new_normals()):
            return False
        row = {"monitor": self._name, **said._asdict()}
        self.connection.execute(sa.insert(new_normal), row)
        return True

    def write(self, about: EvaluationInput, verdicts: Iterable[Row], state: str) -> Recorded:
        """Store the verdicts and the state of a day, replacing what was decided of it before.

        Where the latest evaluation has the same input, configuration and algorithm, nothing is
        written. The measurements that were judged carry the verdict, too.
        """
        recorded = evaluations.write(self.connection, [evaluations.prepare(about, [])])[0]
        if not recorded.written:
            return recorded
        key = self._about(about.day)
        of_day = [detector_state.c.monitor == self._name, detector_state.c.day == about.day]
        self.connection.execute(sa.delete(detector_state).where(*of_day))
        self.connection.execute(
            sa.insert(detector_state),
            {**key, "state": state, "evaluation_id": recorded.evaluation_id},
        )
        self.connection.execute(
            sa.delete(verdict).where(verdict.c.monitor == self._name, verdict.c.day == about.day)
        )
        shared = {
            **key,
            "config_hash": about.config_hash,
            "evaluation_id": recorded.evaluation_id,
            "revision": recorded.revision,
            "computed_at": about.computed_at,
        }
        rows = [_storable(row) for row in verdicts]
        if rows:
            self.connection.execute(sa.insert(verdict), [{**row, **shared} for row in rows])
        self._mark(about.day, rows)
        return recorded

    def _mark(self, day: dt.date, rows: Sequence[Row]) -> None:
        """Say on each measurement what was said of it; of two rules the graver one counts."""
        c = measurement.c
        self.connection.execute(
            sa.update(measurement)
            .where(c.monitor == self._name, c.day == day, c.verdict.is_not(None))
            .values(verdict=None)
        )
        says: dict[tuple[str, ...], str] = {}
        for row in rows:
            key = tuple(row[name] for name in _KEY)
            if key not in says or _GRAVITY[row["verdict"]] > _GRAVITY[says[key]]:
                says[key] = row["verdict"]
        if says:
            self.connection.execute(
                _JUDGED,
                [
                    {
                        "of_monitor": self._name,
                        "of_day": day,
                        "says": said,
                        **{f"of_{n}": part for n, part in zip(_KEY, key, strict=True)},
                    }
                    for key, said in says.items()
                ],
            )

    @property
    def _name(self) -> str:
        return key_text(self.monitor, max_bytes=SHORT_KEY_BYTES)

    def _about(self, day: dt.date) -> dict[str, Any]:
        return {"monitor": self._name, "day": day}


_GRAVITY = {
    name: place
    for place, name in enumerate(
        ("ok", "not_enough_data", "no_data", "suppressed", "error", "warn", "critical")
    )
}


def docket(connection: sa.Connection, monitor: str) -> Docket:
    """The monitor's docket; until the transaction ends, others who want it wait."""
    evaluations.take_turn(connection, [monitor])
    return Docket(connection, monitor)


def _storable(row: Row) -> dict[str, Any]:
    return {
        "rule": str(row["rule"]),
        "metric": key_text(row["metric"], max_bytes=SHORT_KEY_BYTES),
        "column": key_text(row["column"], max_bytes=KEY_BYTES),
        "segment": key_text(row["segment"], max_bytes=KEY_BYTES),
        "model_version": key_text(row["model_version"], max_bytes=SHORT_KEY_BYTES),
        "name": key_text(row["name"], max_bytes=SHORT_KEY_BYTES),
        "verdict": str(row["verdict"]),
        "reason": str(row["reason"]),
        "text": free_text(row["text"], max_bytes=DETAIL_BYTES),
        **{name: finite_or_none(row[name]) for name in _NUMBERS},
        "n": None if row["n"] is None else int(row["n"]),
        "effect_unit": row["effect_unit"],
        "since": row["since"],
        "days": row["days"],
        "importance_rank": row["importance_rank"],
        "importance_of": row["importance_of"],
        "currency": row["currency"],
        "cost_of": row["cost_of"],
        "known_at": row["known_at"],
        "details": json.dumps(row["details"], sort_keys=True, allow_nan=False),
    }
