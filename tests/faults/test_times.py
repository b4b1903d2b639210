"""Rows 10 and 11: instants that cannot be, and local times that exist twice or not at all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.faults.deployment import DAY, EVENTS, NOW, Deployment, instants
from tests.small_world import days_from

pytestmark = pytest.mark.filterwarnings("ignore")  # Great Expectations' own, not ours


def test_impossible_instants_cost_their_rows_and_nothing_else(deployment: Deployment) -> None:
    times = [dt.datetime.combine(DAY, dt.time(i % 24), dt.UTC) for i in range(200)]
    times[0] = dt.datetime(9999, 12, 31, 23, 59, tzinfo=dt.UTC)
    times[1] = dt.datetime(1969, 12, 31, tzinfo=dt.UTC)
    times[2] = NOW + dt.timedelta(minutes=6)
    times[3] = dt.datetime(2026, 1, 5, 23, 59, tzinfo=dt.UTC)
    deployment.write_inputs(DAY, asked_at=instants(times), answered_at=instants(times))
    deployment.run(DAY)
    for kind in EVENTS:
        refused = deployment.one("quarantine_rate", f"@{kind}")
        assert refused["value"] == 4 / 200
        assert refused["detail"] == "2 timestamp_out_of_bounds, 1 in_future, 1 outside_day"
    assert deployment.one("rows")["value"] == 196
    assert deployment.one("hours_without_traffic")["value"] == 0
    assert deployment.one("wasserstein", "income")["n"] == 196
    assert deployment.one("roc_auc")["n"] == 196
    assert deployment.one("orphan_labels")["value"] == 4


@pytest.mark.parametrize(
    ("day", "hours", "silent", "doubt"),
    [
        pytest.param(
            dt.date(2026, 11, 1),
            25,
            1.0,
            "6 ambiguous local times taken as the earlier",
            id="25 hours, one of which the clock shows twice",
        ),
        pytest.param(
            dt.date(2026, 3, 8),
            23,
            0.0,
            "6 local times that the clock change skipped, moved to its end",
            id="23 hours, and times in the one that was skipped",
        ),
    ],
)
def test_a_day_on_which_the_clock_changes_has_its_own_length_and_says_what_it_assumed(
    tmp_path: Path, day: dt.date, hours: int, silent: float, doubt: str
) -> None:
    before = days_from(day - dt.timedelta(days=2), 2)
    deployment = Deployment(tmp_path, reference=before, days=[day], rows=144)
    deployment.write_monitor(**{"time_zone: UTC": "time_zone: America/New_York"})
    for each in [*before, day]:
        every_ten_minutes = np.datetime64(each, "us") + np.arange(144) * np.timedelta64(10, "m")
        local = pa.array(every_ten_minutes, pa.timestamp("us"))
        deployment.write_inputs(each, asked_at=local, answered_at=local)
    later = dt.datetime.combine(day, dt.time(), dt.UTC) + dt.timedelta(days=5)
    deployment.day(later).freeze_reference()
    deployment.run(now=later)
    for kind in EVENTS:
        assert deployment.manifest(kind, day).quarantined == {}
    assert deployment.manifest(EVENTS[1], day).columns["answered_at"].detail == doubt
    throughput = deployment.one("throughput_per_hour", day=day)
    assert throughput["value"] == pytest.approx(144 / hours)
    assert deployment.one("hours_without_traffic", day=day)["value"] == silent
