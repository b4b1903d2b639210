"""A day's measurements, found by what they are about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from monitoring_dagster.metrics.measurement import Measurement
from monitoring_dagster.profiles.profile import ALL


class About(NamedTuple):
    """What tells the measurements of a day apart."""

    metric: str
    column: str = ""
    segment: str = ALL
    model_version: str = ALL

    @classmethod
    def of(cls, measurement: Measurement) -> About:
        """What a measurement is about."""
        return cls(
            measurement.metric,
            measurement.column,
            measurement.segment,
            measurement.model_version,
        )


class Measured:
    """The measurements of one day, in the order in which they were given."""

    def __init__(self, measurements: Iterable[Measurement]) -> None:
        self._all: Mapping[About, Measurement] = {About.of(m): m for m in measurements}
        self._by_metric: dict[str, list[Measurement]] = {}
        for about, measurement in self._all.items():
            self._by_metric.setdefault(about.metric, []).append(measurement)

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self._all.values())

    def get(
        self, metric: str, column: str = "", segment: str = ALL, model_version: str = ALL
    ) -> Measurement | None:
        """The measurement of that, or None where it was not measured."""
        return self._all.get(About(metric, column, segment, model_version))

    def the(self, metric: str, column: str | None, segment: str) -> Measurement | None:
        """The measurement of a segment; that of the only column where none is named.

        Latency and errors are of the column that they were read from, which nobody has to name.
        """
        found = self.get(metric, column or "", segment)
        if found is not None or column is not None:
            return found
        columns = [
            m for m in self.of_metric(metric) if m.segment == segment and m.model_version == ALL
        ]
        return columns[0] if len(columns) == 1 else None

    def of_metric(self, metric: str) -> list[Measurement]:
        """Every measurement of a metric: all its columns, segments and versions."""
        return self._by_metric.get(metric, [])

    def served(self) -> dict[str, int]:
        """The model versions that served the day, with their rows, the busiest first."""
        found: dict[str, int] = {}
        for metric in ("rows", "requests", "predictions"):
            for m in self.of_metric(metric):
                if m.model_version != ALL and m.segment == ALL and m.estimate.n:
                    found.setdefault(m.model_version, m.estimate.n)
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
