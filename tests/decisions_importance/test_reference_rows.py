from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.monitors import loader
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import reference, reference_rows
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from tests.small_world import SmallWorld, days_from

DAYS = days_from(dt.date(2026, 1, 1), 4)
AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
KEY = Pseudonyms(b"k" * 32)
COLUMNS = ["age", "income", "region", "probability", "outcome"]


class World:
    """Three frozen days of reference, and one monitored day."""

    def __init__(self, home) -> None:
        self.telemetry = SmallWorld(home, DAYS[:3], DAYS[3:], rows=50)
        self.telemetry.write_labels(DAYS[0], share=0.5)
        # Rows of the two files lie in different orders: only ids say what belongs together.
        for day in DAYS:
            path = self.telemetry.source("features", day)
            rows = pq.read_table(path)
            pq.write_table(rows.take(pa.array(np.arange(rows.num_rows)[::-1])), path)
        self.lake = Lake(str(home / "lake"))
        self.monitor = loader.load_file(self.telemetry.monitors / "small.yaml")
        self.access = Access(roots=(str(home),), base=home)

    def freeze(self, monitor=None):
        reference.freeze(
            monitor or self.monitor,
            lake=self.lake,
            access=self.access,
            pseudonyms=KEY,
            as_of=AS_OF,
        )

    def take(self, day, kinds=tuple(Kind)):
        for kind in kinds:
            snapshots.take(
                self.monitor,
                kind,
                day,
                lake=self.lake,
                access=self.access,
                as_of=AS_OF,
                pseudonyms=KEY,
            )

    def expected(self, day):
        """Rows as they were written, in the order of the predictions."""
        frame = self.telemetry.frame(day)
        return list(zip(*(frame[name].tolist() for name in COLUMNS[:4]), strict=True))


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def values(rows, names=COLUMNS[:4]):
    return list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))


def test_a_large_enough_sample_is_every_row_joined_by_its_id(world):
    world.freeze()
    rows = reference_rows.sample(world.lake, world.monitor)
    assert rows.column_names == COLUMNS
    assert rows.schema == reference_rows.schema(world.monitor)
    assert values(rows) == [row for day in DAYS[:3] for row in world.expected(day)]


def test_a_label_that_is_not_known_is_null(world):
    world.freeze()
    labels = reference_rows.sample(world.lake, world.monitor).column("outcome").to_pylist()
    assert labels[:25] == world.telemetry.frame(DAYS[0])["outcome"][:25].tolist()
    assert labels[25:50] == [None] * 25
    assert labels[100:] == world.telemetry.frame(DAYS[2])["outcome"].tolist()


def test_a_sample_is_drawn_over_all_days_and_again_the_same(world):
    world.freeze()
    drawn = reference_rows.sample(world.lake, world.monitor, most=60)
    everything = reference_rows.sample(world.lake, world.monitor)
    places = [values(everything).index(row) for row in values(drawn)]
    assert drawn.num_rows == 60
    assert places == sorted(set(places))
    assert {place // 50 for place in places} == {0, 1, 2}
    assert reference_rows.sample(world.lake, world.monitor, most=60) == drawn
    assert reference_rows.sample(world.lake, world.monitor, most=60, seed=1) != drawn


def test_each_row_is_as_likely_to_be_drawn_as_any_other(world):
    world.freeze()
    known = values(reference_rows.sample(world.lake, world.monitor))
    counts = np.zeros(150)
    for seed in range(40):
        drawn = reference_rows.sample(world.lake, world.monitor, most=75, seed=seed)
        counts[[known.index(row) for row in values(drawn)]] += 1
    # Binomial(40, 1/2) has standard deviation 3.2; none of 150 is beyond 4.2 of them.
    assert abs(counts - 20).max() < 13.5
    assert counts.sum() == 40 * 75


def test_a_row_without_a_twin_in_the_other_snapshot_is_left_out(world):
    path = world.telemetry.source("features", DAYS[1])
    pq.write_table(pq.read_table(path).slice(0, 20), path)
    world.freeze()
    rows = reference_rows.sample(world.lake, world.monitor)
    assert rows.num_rows == 120
    assert values(rows)[50:70] == world.expected(DAYS[1])[30:]


def test_a_column_that_a_day_does_not_carry_is_null_that_day(world):
    world.telemetry.write_inputs(DAYS[1], income=None)
    world.freeze()
    rows = reference_rows.sample(world.lake, world.monitor)
    assert rows.column("income").is_null().to_pylist() == [False] * 50 + [True] * 50 + [False] * 50


def test_raw_rows_that_are_gone_or_damaged_leave_an_empty_table_with_its_columns(world):
    world.freeze()
    folder = reference.stored_as(world.monitor)
    data = [p for p in world.lake.list(f"{folder}/snapshots/predictions") if "parquet" in p]
    world.lake.write(data[0], b"no parquet")
    assert reference_rows.sample(world.lake, world.monitor).num_rows == 100
    manifest = next(p for p in world.lake.list(f"{folder}/snapshots/features") if "json" in p)
    world.lake.write(manifest.replace(DAYS[0].isoformat(), DAYS[1].isoformat()), b"{")
    assert reference_rows.sample(world.lake, world.monitor).num_rows == 50
    world.lake.drop(f"{folder}/snapshots")
    rows = reference_rows.sample(world.lake, world.monitor)
    assert (rows.num_rows, rows.schema) == (0, reference_rows.schema(world.monitor))


def test_a_monitored_day_is_read_from_its_own_snapshots(world):
    world.freeze()
    assert reference_rows.day_rows(world.lake, world.monitor, DAYS[3]).num_rows == 0
    world.take(DAYS[3])
    rows = reference_rows.day_rows(world.lake, world.monitor, DAYS[3])
    assert values(rows) == world.expected(DAYS[3])
    assert rows.column("outcome").null_count == 50
    few = reference_rows.day_rows(world.lake, world.monitor, DAYS[3], most=10)
    assert few.num_rows == 10
    assert set(values(few)) < set(values(rows))


def test_a_day_without_one_of_its_inputs_has_no_rows(world):
    world.take(DAYS[3], [Kind.PREDICTIONS])
    assert reference_rows.day_rows(world.lake, world.monitor, DAYS[3]).num_rows == 0


def test_a_reference_of_stored_snapshots_is_read_from_them(world):
    for day in DAYS[:3]:
        world.take(day)
    stored = world.monitor.reference.model_copy(update={"snapshots": True})
    monitor = world.monitor.model_copy(update={"reference": stored})
    rows = reference_rows.sample(world.lake, monitor)
    assert values(rows) == [row for day in DAYS[:3] for row in world.expected(day)]
