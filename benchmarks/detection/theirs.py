"""The peers on a world: days as Parquet, the tool's answers as alerts.

Each tool gets the features, the score, the response time, the label and the decision as plain
columns, and the reference's days; a fault's days hold the columns that it changed only, since
each of the tools judges a column by itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import peers
from benchmarks.detection.alerts import Alert, Alerts
from benchmarks.detection.world import Frame, World
from monitoring_dagster.monitors.contract import Role


class Peer:
    """One tool on one world."""

    def __init__(self, tool: str, world: World, folder: Path) -> None:
        self._tool, self._world, self._folder = tool, world, folder
        self._outcome = [world.the(r) for r in (Role.LABEL, Role.PREDICTION, Role.SCORE)]
        self._columns = [*world.features, *self._outcome, world.the(Role.LATENCY)]
        folder.mkdir(parents=True, exist_ok=True)
        days = [
            rows[self._columns].assign(day=pd.Timestamp(d)) for d, rows in world.reference.items()
        ]
        self._reference = folder / "reference.parquet"
        written(pd.concat(days, ignore_index=True), self._reference)
        self._baseline: Path | None = None

    def baseline(self, days: Mapping[dt.date, Frame]) -> Alerts:
        """What the tool says of unchanged days."""
        folder = self._folder / "unchanged"
        for day, rows in days.items():
            written(rows[self._columns], folder / f"{day}.parquet")
        table = self._run([folder])
        self._baseline = self._folder / f"{self._tool}-unchanged.parquet"
        pq.write_table(table, self._baseline)
        return _alerts(table).get(folder.name, {})

    def changed(
        self, before: Mapping[dt.date, Frame], after: Mapping[str, Mapping[dt.date, Frame]]
    ) -> dict[str, Alerts]:
        """What the tool says of days after a change, by the change's name.

        Evidently stops at the first day with an alert that the unchanged days did not have.
        """
        folders = []
        for name, days in after.items():
            folder = self._folder / name.replace("/", "-")
            altered = {c for day, rows in days.items() for c in self._altered(before[day], rows)}
            if not altered:
                continue
            if altered & set(self._outcome):
                altered |= set(self._outcome)
            folders.append(folder)
            for day, rows in days.items():
                written(rows[[c for c in self._columns if c in altered]], folder / f"{day}.parquet")
        found = _alerts(self._run(folders)) if folders else {}
        return {name: found.get(name.replace("/", "-"), {}) for name in after}

    def _altered(self, before: Frame, after: Frame) -> list[str]:
        if len(before) != len(after):
            return self._columns
        return [name for name in self._columns if not before[name].equals(after[name])]

    def _run(self, folders: Sequence[Path]) -> pa.Table:
        options: list[str] = []
        if self._tool == "nannyml":
            options = ["--outcome", *self._outcome]
        elif self._tool == "evidently" and self._baseline is not None:
            options = ["--known", str(self._baseline)]
        return peers.run(self._tool, self._reference, folders, options=options)


def written(rows: Frame, path: Path) -> None:
    """Write rows without what this pandas says of its types: the peers' is older."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(rows, preserve_index=False)
    pq.write_table(table.replace_schema_metadata(None), path)


def _alerts(table: pa.Table) -> dict[str, Alerts]:
    found: dict[str, Alerts] = {}
    for row in table.to_pylist():
        of_day = found.setdefault(row["folder"], {}).setdefault(
            dt.date.fromisoformat(row["day"]), []
        )
        # Of a part of the columns a share of all columns says nothing, so it is never counted.
        if row["alert"] and row["metric"] != "drifted_share":
            of_day.append(Alert(row["metric"], row["column"]))
    return found
