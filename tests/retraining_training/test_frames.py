"""What trainer and gate are given: the planned rows, joined, in order, and nothing else."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import SnapshotChanged, SnapshotCorrupt, SnapshotMissing
from monitoring_dagster.monitors import loader
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.profiles import reference
from monitoring_dagster.retraining import frames, handover, labelled, windows
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from monitoring_dagster.telemetry.manifest import folder
from monitoring_dagster.telemetry.pseudonyms import Pseudonyms
from monitoring_dagster.telemetry.sources import Access
from tests.small_world import SmallWorld, days_from

DAYS = days_from(dt.date(2026, 1, 1), 5)
AS_OF = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
KEY = Pseudonyms(b"k" * 32)
RETRAINING = """
retraining:
  trainer: "examples.trainers.trees:train"
  seed: 3
  parameters: {max_iter: 10}
  window: {validation_days: 2}
"""


class World:
    """Two frozen days of reference and three monitored ones, all labelled."""

    def __init__(self, home: Path) -> None:
        self.telemetry = SmallWorld(home, DAYS[:2], DAYS[2:], rows=40)
        for day in DAYS[2:]:
            self.telemetry.write_labels(day)
            # Rows lie in another order than they happened: only ids and times say what is what.
            path = self.telemetry.source("features", day)
            table = pq.read_table(path)
            pq.write_table(table.take(pa.array(np.arange(table.num_rows)[::-1])), path)
        self.document = self.telemetry.monitors / "small.yaml"
        self.document.write_text(self.document.read_text() + RETRAINING)
        self.lake = Lake(str(home / "lake"))
        self.access = Access(roots=(str(home),), base=home)
        self.folder = home / "task"
        self.folder.mkdir(mode=0o700)

    @property
    def monitor(self):
        return loader.load_file(self.document)

    def change(self, old: str, new: str) -> None:
        self.document.write_text(self.document.read_text().replace(old, new))

    def take(self, *days: dt.date) -> None:
        for day in days:
            for kind in Kind:
                snapshots.take(
                    self.monitor,
                    kind,
                    day,
                    lake=self.lake,
                    access=self.access,
                    as_of=AS_OF,
                    pseudonyms=KEY,
                )

    def ready(self) -> World:
        reference.freeze(
            self.monitor, lake=self.lake, access=self.access, pseudonyms=KEY, as_of=AS_OF
        )
        self.take(*DAYS[2:])
        return self

    def plan(self) -> dict[str, Any]:
        found = windows.plan(
            self.monitor,
            now=AS_OF,
            since=None,
            broken={},
            look_up=windows.lookup(self.lake, self.monitor),
        )
        return found.document()

    def prepare(self, plan: dict[str, Any] | None = None, **limits: int) -> frames.Prepared:
        return frames.prepare(self.lake, self.monitor, plan or self.plan(), self.folder, **limits)

    def training(self):
        return handover.frame_of(self.folder / handover.TRAINING)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_trainer_gets_every_labelled_row_of_the_planned_days_in_order(world: World) -> None:
    prepared = world.ready().prepare()
    training = world.training()
    assert prepared.training_rows == len(training.features) == 120
    assert prepared.features == {"age": "double", "income": "double", "region": "string"}
    assert list(training.features) == ["age", "income", "region"]
    assert [str(kind) for kind in training.features.dtypes] == ["float64", "float64", "str"]
    days = [world.telemetry.frame(day) for day in DAYS[:3]]
    for name in training.features:
        told = np.concatenate([day[name] for day in days])
        assert training.features[name].tolist() == told.tolist()
    assert training.labels.tolist() == np.concatenate([day["outcome"] for day in days]).tolist()
    assert str(training.days.dtype) == "datetime64[s]"
    assert training.days.dt.date.unique().tolist() == DAYS[:3]
    assert set(training.weights) == {1.0}


def test_neither_ids_nor_entities_nor_what_the_champion_answered_reach_the_trainer(
    world: World,
) -> None:
    world.ready().prepare()
    for name in (handover.TRAINING, handover.VALIDATION):
        columns = pq.read_schema(world.folder / name).names
        assert columns == ["age", "income", "region", "@label", "@weight", "@day"]


def test_a_private_feature_is_left_out_and_named(world: World) -> None:
    world.change(
        "age: {role: feature, type: integer}", "age: {role: feature, type: integer, privacy: quasi}"
    )
    prepared = world.ready().prepare()
    assert list(prepared.features) == ["income", "region"]
    assert prepared.left_out == {"age": "privacy quasi: private values leave the lake for nobody"}
    assert "age" not in prepared.validation.column_names
    assert "age" not in pq.read_schema(world.folder / handover.TRAINING).names


def test_the_gate_gets_what_it_compares_by(world: World) -> None:
    prepared = world.ready().prepare()
    names = ["age", "income", "region", "probability", "latency_ms", "version", "outcome", "@day"]
    assert prepared.validation.column_names == names
    days = [world.telemetry.frame(day) for day in DAYS[3:]]
    for name in ("age", "region", "probability", "latency_ms", "outcome"):
        told = np.concatenate([day[name] for day in days])
        assert prepared.validation[name].to_pylist() == told.tolist()
    validation = handover.frame_of(world.folder / handover.VALIDATION)
    assert validation.labels.tolist() == prepared.validation["outcome"].to_pylist()


def test_recent_days_weigh_more(world: World) -> None:
    plan = world.ready().plan() | {"half_life_days": 2}
    world.prepare(plan)
    training = world.training()
    by_day = training.weights.groupby(training.days).first()
    assert by_day.tolist() == pytest.approx([0.5, 2**-0.5, 1.0])
    assert set(handover.frame_of(world.folder / handover.VALIDATION).weights) == {1.0}


def test_above_the_limit_rows_are_drawn_over_all_days_and_again_the_same(world: World) -> None:
    prepared = world.ready().prepare(most_training=30, most_validation=10)
    first = world.training()
    assert (prepared.training_rows, prepared.validation.num_rows) == (30, 10)
    assert prepared.notes == (
        "30 of 120 labelled rows of training were drawn, over all days",
        "10 of 80 labelled rows of validation were drawn, over all days",
    )
    assert first.days.nunique() == 3
    assert first.days.is_monotonic_increasing
    world.prepare(most_training=30, most_validation=10)
    assert world.training().features.equals(first.features)
    world.prepare(world.plan() | {"seed": 4}, most_training=30)
    assert not world.training().features.equals(first.features)


def test_a_missing_value_changes_no_type(world: World) -> None:
    path = world.telemetry.source("features", DAYS[2])
    table = pq.read_table(path)
    for name in ("age", "region"):
        gaps = pa.array([None if i < 5 else v for i, v in enumerate(table[name].to_pylist())])
        table = table.set_column(table.column_names.index(name), name, gaps)
    pq.write_table(table, path)
    world.ready().prepare()
    features = world.training().features
    assert [str(kind) for kind in features.dtypes] == ["float64", "float64", "str"]
    assert features[["age", "region"]].isna().sum().tolist() == [5, 5]


def test_a_boolean_is_a_number_to_the_trainer_and_itself_to_the_gate(world: World) -> None:
    world.change("age: {role: feature, type: integer}", "age: {role: feature, type: boolean}")
    for day in DAYS:
        path = world.telemetry.source("features", day)
        table = pq.read_table(path)
        at = table.column_names.index("age")
        told = pa.array([None if age < 30 else age > 50 for age in table["age"].to_pylist()])
        pq.write_table(table.set_column(at, "age", told), path)
    prepared = world.ready().prepare()
    ages = world.training().features["age"]
    assert set(ages.dropna()) == {0.0, 1.0}
    assert ages.isna().any()
    assert prepared.features["age"] == "double"
    assert prepared.validation.schema.field("age").type == pa.bool_()


def test_a_label_that_is_not_known_trains_nobody(world: World) -> None:
    world.telemetry.write_labels(DAYS[2], share=0.5)
    prepared = world.ready().prepare()
    assert prepared.training_rows == 100


def test_a_feature_that_was_declared_later_is_missing_on_the_days_before(world: World) -> None:
    world.ready()
    plan = world.plan()
    world.change("region: {role", "undeclared: {role: feature, type: integer}\n  region: {role")
    frames.prepare(world.lake, world.monitor, plan, world.folder)
    assert world.training().features["undeclared"].isna().all()


def test_a_snapshot_that_was_taken_anew_is_an_error_that_says_so(world: World) -> None:
    plan = world.ready().plan()
    world.telemetry.write_labels(DAYS[2], share=0.9)
    world.take(DAYS[2])
    with pytest.raises(SnapshotChanged, match="labels of small on 2026-01-03 was taken anew since"):
        world.prepare(plan)


def test_a_snapshot_that_is_gone_is_an_error_that_says_so(world: World) -> None:
    plan = world.ready().plan()
    world.lake.drop(folder("small", Kind.FEATURES, DAYS[3]))
    with pytest.raises(SnapshotMissing, match="features of small on 2026-01-04, which"):
        world.prepare(plan)


def test_a_damaged_snapshot_is_not_trained_on(world: World) -> None:
    plan = world.ready().plan()
    where = folder("small", Kind.FEATURES, DAYS[2])
    (file,) = [path for path in world.lake.list(where) if path.endswith(".parquet")]
    content = bytearray(world.lake.read(file))
    content[100] ^= 0xFF
    world.lake.write(file, bytes(content))
    with pytest.raises(SnapshotCorrupt, match="is damaged"):
        world.prepare(plan)


def test_labels_whose_rows_have_no_features_are_an_error(world: World) -> None:
    for day in DAYS[3:]:
        path = world.telemetry.source("features", day)
        table = pq.read_table(path)
        odd = pa.array([f"other-{i}" for i in range(table.num_rows)])
        pq.write_table(table.set_column(0, "request", odd), path)
    with pytest.raises(SnapshotMissing, match="is left for validation"):
        world.ready().prepare()


def test_the_order_is_what_was_planned_and_not_what_is_written_now(world: World) -> None:
    plan = world.ready().plan()
    prepared = world.prepare(plan)
    world.change("seed: 3", "seed: 4")
    order = frames.order_of(world.monitor, plan, prepared)
    assert (order.trainer, order.seed) == ("examples.trainers.trees:train", 3)
    assert (order.parameters, order.kind) == ({"max_iter": 10}, "binary")
    order.write(world.folder)
    assert handover.Order.read(world.folder) == order


def test_rows_for_the_gate_can_be_had_of_any_planned_days(world: World) -> None:
    plan = world.ready().plan()
    days = [labelled.PlannedDay.of(each) for each in plan["training"][:1]]
    source = labelled.Labelled(world.lake, world.monitor, days, 100, [0])
    rows = labelled.compared_rows(source)
    assert rows.num_rows == 40
    assert rows.schema == labelled.compared_schema(world.monitor)
