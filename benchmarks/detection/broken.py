"""Broken days: what each tool says of columns and files that are not what they should be.

Ours goes the whole way here, from files through the contract, the quality checks and the store:
what broken rows lead to is decided there. The peers get the same rows.
"""

from __future__ import annotations

import datetime as dt
import decimal
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import peers
from benchmarks.detection.synthetic import STILL, generated
from benchmarks.detection.world import Frame, World
from benchmarks.tables import Table
from monitoring_dagster.day import Day
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.calendar import Standing
from monitoring_dagster.monitors.contract import Column, ColumnType, Kind, Monitor, Role
from monitoring_dagster.store import Store
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access

ROWS, REFERENCE_DAYS = 400, 8
COLUMN = "x0"
TYPED = ("as_int64", "as_boolean", "as_uint8", "as_decimal")
"""Features that are stored as the types of their names, in the reference as well."""

Change = Callable[[Frame], Frame | None]


@dataclass(frozen=True)
class Case:
    """One way in which a day is broken, and the columns that it is about."""

    name: str
    change: Change
    columns: tuple[str, ...] = (COLUMN,)


def cases() -> list[Case]:
    """The broken days; None is a day that was never delivered."""
    return [
        Case("all values null", lambda f: f.assign(**{COLUMN: np.nan})),
        Case("empty day", lambda f: f.iloc[:0], ()),
        Case("missing day", lambda _: None, ()),
        Case("new column", lambda f: f.assign(novel=1.5), ("novel",)),
        Case("removed column", lambda f: f.drop(columns=COLUMN)),
        Case(
            "infinite values", lambda f: f.assign(**{COLUMN: f[COLUMN].mask(_every(f, 20), np.inf)})
        ),
        *(
            Case(f"{name.removeprefix('as_')}, moved by 1 σ", _moved(name), (name,))
            for name in TYPED
        ),
        Case("one class only", lambda f: f.assign(outcome=0.0), ("", "outcome")),
        Case(
            "half the labels missing",
            lambda f: f.assign(outcome=f["outcome"].mask(_every(f, 2))),
            ("", "outcome"),
        ),
    ]


def table(seed: int, tools: Sequence[str] = peers.TOOLS) -> Table:
    """What ours and the peers say of each broken day."""
    world = _typed(seed)
    (day, rows), *_ = world.test.items()
    with tempfile.TemporaryDirectory() as temporary:
        ours = _Deployment.of(world, Path(temporary) / "ours")
        told = [[c.name, _worded(c, ours.measured(c, day, c.change(rows)))] for c in cases()]
        for tool in tools:
            answers = _answers(tool, world, day, rows, Path(temporary) / tool)
            for row, case in zip(told, cases(), strict=True):
                row.append(answers[case.name])
    return Table(
        "Broken days: what is said of the broken part, and of the rest",
        ("day", "ours", *tools),
        told,
        (
            (
                "Ours: status (reason) of the measurements of the broken part over the whole "
                "traffic; then how many measurements of the rest have a value."
            ),
            (
                "Peers: `aborts` where the tool raised, `silent` where it says nothing of the "
                "column, else its value and whether it alerts."
            ),
        ),
    )


def _every(rows: Frame, nth: int) -> np.ndarray:
    return np.arange(len(rows)) % nth == 0


def _moved(name: str) -> Change:
    """The typed column from rows that are a standard deviation higher."""

    def change(rows: Frame) -> Frame:
        return rows.assign(**{name: _as(name, rows[COLUMN] + 1.0)})

    return change


def _typed(seed: int) -> World:
    """The generated world with four more features, of types that get lost elsewhere."""
    world = generated(
        ROWS, reference_days=REFERENCE_DAYS, days=REFERENCE_DAYS + 1, seed=seed, variation=STILL
    )
    declared = dict(world.monitor.columns)
    for name in TYPED:
        kind = ColumnType.BOOLEAN if name == "as_boolean" else ColumnType.NUMBER
        declared[name] = Column(role=Role.FEATURE, type=kind)
    days = {
        day: rows.assign(**{name: _as(name, rows[COLUMN]) for name in TYPED})
        for day, rows in world.days.items()
    }
    return World(
        world.name,
        world.monitor.model_copy(update={"columns": declared}),
        days,
        world.score,
        world.victims,
    )


def _as(name: str, values: pd.Series) -> pd.Series:
    scaled = (100 + 20 * values).round().clip(0, 255)
    if name == "as_int64":
        return scaled.astype("Int64").mask(_every(scaled.to_frame(), 50))
    if name == "as_boolean":
        return (values > 1).astype("boolean")
    if name == "as_uint8":
        return scaled.astype("uint8")
    return scaled.map(lambda v: decimal.Decimal(int(v)) / 10).astype(object)


@dataclass(frozen=True)
class _Deployment:
    """A home with a frozen reference, copied for each broken day."""

    home: Path
    monitor: Monitor

    @classmethod
    def of(cls, world: World, home: Path) -> _Deployment:
        deployment = cls(home / "sound", world.monitor)
        for day, rows in world.reference.items():
            deployment.deliver(day, rows)
        deployment.day().freeze_reference()
        return deployment

    def day(self) -> Day:
        now = dt.datetime.combine(self.monitor.first_day, dt.time(6), dt.UTC)
        store = Store(f"sqlite:///{self.home / 'store.db'}")
        store.upgrade()
        return Day(
            monitor=self.monitor,
            lake=Lake(str(self.home / "lake")),
            store=store,
            access=Access(roots=(str(self.home),), base=self.home),
            pseudonyms=Pseudonyms(b"a key of this benchmark, of no use elsewhere"),
            clock=Standing(now + dt.timedelta(days=7)),
            computed_at=now + dt.timedelta(days=7),
        )

    def deliver(self, day: dt.date, rows: Frame) -> None:
        """Write the files of one day as a service would: whatever columns there are."""
        identity, label = self.monitor.the(Role.ID), self.monitor.the(Role.LABEL)
        declared = {kind: self.monitor.columns_of(kind) for kind in Kind}
        undeclared = [name for name in rows if name not in self.monitor.columns]
        for kind in Kind:
            names = [n for n in rows if n in declared[kind]]
            names += undeclared if kind is Kind.FEATURES else []
            kept = rows[rows[label].notna()] if kind is Kind.LABELS else rows
            table = pa.Table.from_pandas(kept[[identity, *(n for n in names if n != identity)]])
            path = self.home / str(kind) / f"{day}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table.replace_schema_metadata(None), path)

    def measured(self, case: Case, day: dt.date, rows: Frame | None) -> list[Measurement]:
        """All measurements of the day in a copy of this home."""
        home = self.home.parent / case.name.replace(" ", "-")
        broken = _Deployment(Path(shutil.copytree(self.home, home)), self.monitor)
        if rows is not None:
            broken.deliver(day, rows)
        run = broken.day()
        for kind in run.kinds:
            run.take(kind, day)
        run.check_quality([day])
        stages = [
            run.count_profiles,
            run.count_outcomes,
            run.measure_drift,
            run.measure_performance,
            run.measure_operations,
        ]
        found = [m for stage in stages for stored in stage([day]) for m in stored.measurements]
        shutil.rmtree(home)
        return found


def _worded(case: Case, measured: Sequence[Measurement]) -> str:
    whole = [m for m in measured if m.segment == "all" and m.model_version == "all"]
    about = [m for m in whole if not case.columns or _is_about(m, case)]
    rest = [m for m in whole if m not in about]
    without = Counter(
        f"{m.estimate.status} ({m.estimate.reason})"
        for m in about
        if m.estimate.status is not Status.OK
    )
    told = [f"{n} {what}" for what, n in without.most_common(3)]
    if any(m.metric == "undeclared_columns" and m.estimate.value > 0 for m in whole):
        told.append("1 undeclared column")
    computed = sum(m.estimate.status is Status.OK for m in about)
    psi = [m.estimate.value for m in about if m.metric == "psi" and m.estimate.value > 0]
    told += [f"PSI {psi[0]:.2f}"] if psi and case.columns else []
    told += [f"{computed} computed"] if computed else []
    ok = sum(m.estimate.status is Status.OK for m in rest)
    return "; ".join(told) + (f" | rest: {ok} of {len(rest)}" if rest else "")


def _is_about(measurement: Measurement, case: Case) -> bool:
    if measurement.column == "":
        return "" in case.columns and measurement.maturity is not None
    return measurement.column in case.columns


def _answers(tool: str, world: World, day: dt.date, rows: Frame, folder: Path) -> dict[str, str]:
    outcome = [world.the(r) for r in (Role.LABEL, Role.PREDICTION, Role.SCORE)]
    columns = [*world.features, *outcome]
    reference = pd.concat(
        [frame[columns].assign(day=pd.Timestamp(d)) for d, frame in world.reference.items()],
        ignore_index=True,
    )
    _deliver(reference, folder / "reference.parquet")
    folders = {case.name: folder / case.name.replace(" ", "-") for case in cases()}
    for case in cases():
        folders[case.name].mkdir()
        broken = case.change(rows)
        if broken is not None:
            names = [n for n in (*columns, "novel") if n in broken]
            _deliver(broken[names], folders[case.name] / f"{day}.parquet")
    options = ["--outcome", *outcome] if tool == "nannyml" else []
    found = peers.run(tool, folder / "reference.parquet", list(folders.values()), options=options)
    said = found.to_pylist()
    return {
        case.name: _said(case, [r for r in said if r["folder"] == folders[case.name].name])
        for case in cases()
    }


def _deliver(rows: Frame, path: Path) -> None:
    """Write rows with their types: pandas' own ones come back in the peers' environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)


def _said(case: Case, rows: Sequence[dict]) -> str:
    whole = next((r["error"] for r in rows if r["metric"] == "report" and r["error"]), "")
    if whole:
        return f"aborts: {whole[:60]}"
    about = [r for r in rows if r["column"] in case.columns]
    if case.columns == ():
        about = rows
    errors = sorted({r["error"].split(":")[0] for r in about if r["error"]})
    if errors:
        return f"error: {', '.join(errors)}"
    if not about:
        return "silent"
    alerts = sorted({r["metric"] for r in about if r["alert"]})
    first, value = about[0]["metric"], about[0]["value"]
    said = f"{first} {'NaN' if value is None else f'{value:.2f}'}"
    return f"{said}; {'alert: ' + ', '.join(alerts) if alerts else 'no alert'}"
