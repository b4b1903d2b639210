"""What is remembered: tables, migrations, transactions.

`Store` is the door to it. What is worth remembering is decided by the other rooms.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from monitoring_dagster.store import evaluations, reading, revisions, verdicts
from monitoring_dagster.store.engine import checked_schema, parse_url, shown
from monitoring_dagster.store.evaluations import EvaluationInput, Recorded
from monitoring_dagster.store.reading import ReasonCount
from monitoring_dagster.store.transactions import Database
from monitoring_dagster.store.verdicts import Docket, NewNormal

if TYPE_CHECKING:
    import pyarrow as pa
    import sqlalchemy as sa

__all__ = ["Docket", "EvaluationInput", "NewNormal", "ReasonCount", "Recorded", "Store"]

T = TypeVar("T")

DEFAULT_SCHEMA = "monitoring"


class Store:
    """One relational database with what was evaluated: a SQLite file, or PostgreSQL.

    It may be shared by threads and survives a fork. In PostgreSQL the tables live in a schema of
    their own, so that Dagster's may live beside them. Nothing is connected before the first
    use, and nothing but `upgrade` ever creates a file or a table.

    Args:
        url: SQLAlchemy URL, such as `sqlite:////data/store.db` or
            `postgresql+psycopg2://user:password@host/database`.
        schema: PostgreSQL schema of the tables; `monitoring` by default.
        wait_seconds: How long to wait for a lock that another process holds.
        pause: Called with the seconds to wait before a failed transaction is run again.

    Raises:
        StoreError: The URL or the schema cannot be used. Every method raises StoreUnreachable
            where the database cannot be used, and StoreOutdated where it has another revision.
    """

    def __init__(
        self,
        url: str,
        *,
        schema: str | None = None,
        wait_seconds: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = Database(
            parse_url(url),
            schema=checked_schema(schema or DEFAULT_SCHEMA),
            wait_seconds=wait_seconds,
            pause=pause,
        )

    def __repr__(self) -> str:
        return f"Store({shown(self._database.url)!r}, schema={self._database.schema!r})"

    def upgrade(self) -> None:
        """Create the tables, or bring them up to date; safe when two processes do it at once."""
        revisions.upgrade(self._database)

    def revision(self) -> str | None:
        """The database's revision, or None where it holds no tables of ours."""
        return self._database.read(revisions.revision_of)

    def check(self) -> None:
        """Raise unless the database can be reached and has this code's revision."""
        self.read(lambda _: None)

    def close(self) -> None:
        """Close the connections of this process; the next use opens new ones."""
        self._database.close()

    def write(self, work: Callable[[sa.Connection], T], *, wait_seconds: float | None = None) -> T:
        """Run `work` in one transaction; after a passing failure it is run again as a whole.

        Raises:
            StoreBusy: others kept what it wants locked for longer than `wait_seconds`, or if that
                is None for longer than this store waits.
        """
        return self._database.write(_on_head(work), wait_seconds=wait_seconds)

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """As `write`, for work that changes nothing."""
        return self._database.read(_on_head(work))

    def record(self, evaluation: EvaluationInput, rows: Iterable[Mapping[str, Any]]) -> Recorded:
        """Store one stage of one monitor's day, replacing what it measured of the day before.

        Where the latest evaluation has the same input, configuration and algorithm, nothing is
        written. Otherwise there is a new evaluation with the next revision, and the rows take
        the place of the stage's earlier rows of that day.

        Args:
            evaluation: What was evaluated.
            rows: Measurements with the keys metric, column, segment, model_version, value,
                ci_low, ci_high, reference_value, null_high, n, status, verdict, reason, detail,
                coverage and maturity; metric, status and reason are needed.

        Raises:
            StoreError: Two rows, or a row and one of another stage, are about the same thing.
        """
        return self.record_many([(evaluation, rows)])[0]

    def record_many(
        self, many: Iterable[tuple[EvaluationInput, Iterable[Mapping[str, Any]]]]
    ) -> list[Recorded]:
        """As `record` for many days or stages: all of them in one transaction, or none."""
        prepared: Sequence[evaluations.Prepared] = [
            evaluations.prepare(evaluation, rows) for evaluation, rows in many
        ]
        if not prepared:
            return []
        return self.write(lambda connection: evaluations.write(connection, prepared))

    def decide(
        self, monitor: str, work: Callable[[Docket], T], *, wait_seconds: float | None = None
    ) -> T:
        """Run `work` on the monitor's docket in one transaction: all it writes, or nothing.

        Others who decide about the monitor wait for it; `work` may run more than once.

        Raises:
            StoreBusy: as `write`.
        """
        return self.write(
            lambda connection: work(verdicts.docket(connection, monitor)),
            wait_seconds=wait_seconds,
        )

    def look_up(self, monitor: str, work: Callable[[Docket], T]) -> T:
        """As `decide`, for work that only reads and lets others go on."""
        return self.read(lambda connection: work(Docket(connection, monitor)))

    def measurements(
        self,
        monitor: str,
        *,
        metric: str | None = None,
        column: str | None = None,
        segment: str | None = None,
        model_version: str | None = None,
        stage: str | None = None,
        status: str | None = None,
        first_day: dt.date | None = None,
        last_day: dt.date | None = None,
    ) -> pa.Table:
        """Measurements ordered by day, metric, column, segment and model version.

        The columns are those of the table in docs/measurements.md, in its order.
        """
        equal = {
            "metric": metric,
            "column": column,
            "segment": segment,
            "model_version": model_version,
            "stage": stage,
            "status": status,
        }
        return self.read(
            lambda connection: reading.measurements(
                connection, monitor, first_day=first_day, last_day=last_day, equal=equal
            )
        )

    def verdicts(
        self,
        monitor: str,
        *,
        rule: str | None = None,
        level: str | None = None,
        metric: str | None = None,
        column: str | None = None,
        segment: str | None = None,
        first_day: dt.date | None = None,
        last_day: dt.date | None = None,
    ) -> pa.Table:
        """Verdicts ordered by day, rule, metric, column, segment, model version and name.

        The columns are those of the table in docs/verdicts.md, in its order.
        """
        equal = {
            "rule": rule,
            "verdict": level,
            "metric": metric,
            "column": column,
            "segment": segment,
        }
        return self.read(
            lambda connection: reading.verdicts(
                connection, monitor, first_day=first_day, last_day=last_day, equal=equal
            )
        )

    def evaluations(
        self,
        monitor: str,
        *,
        stage: str | None = None,
        first_day: dt.date | None = None,
        last_day: dt.date | None = None,
    ) -> pa.Table:
        """Every evaluation, the replaced ones included, ordered by day, stage and revision."""
        return self.read(
            lambda connection: reading.evaluations(
                connection,
                monitor,
                first_day=first_day,
                last_day=last_day,
                equal={"stage": stage},
            )
        )

    def reasons(
        self, monitor: str, *, first_day: dt.date | None = None, last_day: dt.date | None = None
    ) -> list[ReasonCount]:
        """How many measurements have a value, and why the others have none."""
        return self.read(
            lambda connection: reading.reasons(
                connection, monitor, first_day=first_day, last_day=last_day
            )
        )

    def known(self, column: str, monitor: str | None = None) -> list[str]:
        """The values that a column of the table, such as `metric`, has for one monitor or all."""
        return self.read(lambda connection: reading.known(connection, monitor, column))

    def latest_days(self, monitor: str) -> dict[str, dt.date]:
        """The last day that each stage of the monitor has evaluated."""
        return self.read(lambda connection: reading.latest_days(connection, monitor))


def _on_head(work: Callable[[sa.Connection], T]) -> Callable[[sa.Connection], T]:
    """Refuse to touch tables other than those the code was written for."""

    def checked(connection: sa.Connection) -> T:
        revisions.require_head(connection)
        return work(connection)

    return checked
