"""A small world of the last days, for what is judged and told by the wall clock."""

from __future__ import annotations

import datetime as dt

import numpy as np

from tests.small_world import SmallWorld

DRAWN = dt.date(2026, 1, 1)
"""The rows are those of days from here on, whenever the test runs."""


class RecentWorld(SmallWorld):
    """A small world whose last days are the last ones of the calendar, and always the same."""

    def frame(self, day: dt.date) -> dict[str, np.ndarray]:
        passed = day - self.reference[0]
        frame = super().frame(DRAWN + passed)
        return frame | {"at": frame["at"] + np.timedelta64((day - DRAWN - passed).days, "D")}

    def lose(self, day: dt.date, *columns: str) -> None:
        """Take all values of these columns away, for a day."""
        self.write_inputs(day, **{column: [None] * self.rows for column in columns})
