"""What the quality checks condemned: measurements that nobody should believe.

The checks themselves are telemetry's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Kind, Monitor, Role
from monitoring_dagster.telemetry.quality import QualityReport


class Condemned:
    """Which measurements of a day are withheld, and in which words.

    Args:
        monitor: says which columns predictions and labels are joined and compared by.
        report: what the checks found.
        kinds: the snapshots that the measurements are made of.
    """

    def __init__(self, monitor: Monitor, report: QualityReport, kinds: Sequence[Kind]) -> None:
        self.columns = report.condemned_columns
        self.whole = report.condemned_day
        if Kind.LABELS in kinds:
            joined = (Role.ID, Role.SCORE, Role.PREDICTION, Role.LABEL)
            names = [name for role in joined for name in monitor.with_role(role)]
            self.whole = self.whole or next(
                (self.columns[name] for name in names if name in self.columns), None
            )

    def of(self, measurement: Measurement) -> str | None:
        """Why the measurement is withheld, or None."""
        if measurement.estimate.status in (Status.NO_DATA, Status.ERROR):
            return None  # it already says what is wrong, and more exactly
        if self.whole is not None:
            return self.whole
        cut_by = f",{measurement.segment}"
        return self.columns.get(measurement.column) or next(
            (why for name, why in self.columns.items() if f",{name}=" in cut_by), None
        )

    def withhold(self, measured: Iterable[Measurement]) -> list[Measurement]:
        """The measurements, the condemned ones without their value and with the reason."""
        return [m if (why := self.of(m)) is None else m.suppressed(why) for m in measured]
