"""Why an estimate over classes is undefined on a day."""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.metrics.estimated.multiclass.projection import Floats
from monitoring_dagster.metrics.measurement import Estimate, Reason, Status


def class_without(rows: Floats, classes: Sequence[str], what: str, n: float) -> Estimate | None:
    """The classes of which there is no row, or None where all have some."""
    names = [name for name, count in zip(classes, rows.tolist(), strict=True) if count <= 0]
    if not names:
        return None
    listed = ", ".join(repr(name) for name in names[:5])
    return Estimate.without(
        Status.NOT_ENOUGH_DATA,
        Reason.CLASS_ABSENT,
        f"of {round(n)} rows none is {what} {listed}; an average over the other classes would be "
        "another metric",
        round(n),
    )
