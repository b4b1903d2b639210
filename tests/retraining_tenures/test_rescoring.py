"""The days that a champion was validated on, answered by it: what changes, and what stays."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import ModelRefused, ReferenceUnusable
from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.monitors.contract import Column, ColumnType, Kind, Monitor, Role, Task
from monitoring_dagster.profiles import reference
from monitoring_dagster.retraining.answered import Answers, negative
from monitoring_dagster.retraining.rescoring import rescore
from monitoring_dagster.retraining.succession import Succession, Window
from monitoring_dagster.telemetry import snapshots
from monitoring_dagster.telemetry.lake import Lake
from tests.faults.deployment import Deployment
from tests.retraining_tenures.house import DAYS, NOW, WINDOW, ages
from tests.retraining_tenures.test_succession import MONITOR

DAY = DAYS[0]


def lake(deployment: Deployment) -> Lake:
    return Lake(str(deployment.lake_folder))


def effective(deployment: Deployment, version: str = "2", window: Window = WINDOW) -> Monitor:
    return Succession(deployment.monitor).taking_over(version, window, 0.6)


def rescored(deployment: Deployment, predict: Any = ages, **changes: Any) -> dict[dt.date, str]:
    ours = effective(deployment, **changes)
    return rescore(deployment.monitor, ours, lake=lake(deployment), predict=predict)


def rows(deployment: Deployment, kind: Kind, name: str, day: dt.date = DAY) -> pa.Table:
    manifest = snapshots.manifest(lake(deployment), name, kind, day)
    assert manifest is not None
    with snapshots.data(lake(deployment), manifest) as path:
        return pq.read_table(path)


def files(deployment: Deployment) -> dict[str, bytes]:
    of, name = lake(deployment), reference.folder(effective(deployment))
    return {path: of.read(path) for path in of.list(name)}


def test_only_what_a_model_answers_is_another(deployment: Deployment) -> None:
    assert rescored(deployment) == {}
    name = reference.folder(effective(deployment))
    assert rows(deployment, Kind.FEATURES, name) == rows(deployment, Kind.FEATURES, "small")
    assert rows(deployment, Kind.LABELS, name) == rows(deployment, Kind.LABELS, "small")
    then = rows(deployment, Kind.PREDICTIONS, "small")
    now = rows(deployment, Kind.PREDICTIONS, name)
    assert now.schema == then.schema
    answers = {"probability", "version", "decision"}
    changed = {n for n in then.column_names if now.column(n) != then.column(n)}
    assert changed == answers
    assert set(now.column("version").to_pylist()) == {"2"}
    features = rows(deployment, Kind.FEATURES, "small")
    age = dict(zip(*(features.column(n).to_pylist() for n in ("request", "age")), strict=True))
    expected = [1 / (1 + np.exp(-0.1 * (age[r] - 50))) for r in now.column("request").to_pylist()]
    assert now.column("probability").to_pylist() == pytest.approx(expected)
    assert [d == "1" for d in now.column("decision").to_pylist()] == [p >= 0.6 for p in expected]


def test_manifests_say_what_is_there_now(deployment: Deployment) -> None:
    rescored(deployment)
    name = reference.folder(effective(deployment))
    of = lake(deployment)
    held = {kind: snapshots.manifest(of, name, kind, DAY) for kind in Kind}
    taken = {kind: deployment.manifest(kind, DAY) for kind in Kind}
    predictions, labels = held[Kind.PREDICTIONS], held[Kind.LABELS]
    assert predictions is not None
    assert labels is not None
    assert labels.predictions == predictions.sha256 != taken[Kind.PREDICTIONS].sha256
    assert {m.monitor for m in held.values() if m} == {name}
    assert [m.rows for m in held.values() if m] == [m.rows for m in taken.values()]
    assert taken[Kind.PREDICTIONS].columns["decision"].status == "missing"
    assert predictions.columns["decision"].status == "ok"


def test_the_reference_is_frozen_from_them_and_no_source_is_read(deployment: Deployment) -> None:
    shutil.rmtree(deployment.home / "telemetry")
    frozen = deployment.day(NOW).freeze_successor("2", WINDOW, 0.6, ages)
    assert list(frozen.days) == [WINDOW.first_day, WINDOW.last_day]
    assert frozen.id == reference.reference_id(effective(deployment))
    assert frozen.outcomes is not None
    assert frozen.rows == 2 * deployment.rows
    again = deployment.day(NOW).freeze_successor("2", WINDOW, 0.6, lambda _: np.zeros(0))
    assert again.id == frozen.id


def test_days_that_are_left_out_or_cannot_be_used_are_no_part_of_it(
    deployment: Deployment,
) -> None:
    of = lake(deployment)
    of.drop(f"small/snapshots/features/{DAYS[2]}")
    damaged = deployment.manifest(Kind.LABELS, DAYS[3])
    of.write(f"small/snapshots/labels/{DAYS[3]}/{damaged.file}", b"no labels")
    window = Window(DAYS[0], DAYS[-1] + dt.timedelta(days=1), (DAYS[1],))
    frozen = deployment.day(NOW).freeze_successor("2", window, None, ages)
    assert list(frozen.days) == [d for d in DAYS if d not in (DAYS[1], DAYS[2])]
    assert DAYS[3] not in frozen.daily_outcomes
    whys = rescored(deployment, window=window)
    assert set(whys) == {DAYS[2], DAYS[-1] + dt.timedelta(days=1)}
    assert whys[DAYS[2]] == "no snapshot of features"


def test_a_window_without_any_day_is_refused(deployment: Deployment) -> None:
    later = Window(dt.date(2026, 1, 15), dt.date(2026, 1, 16))
    with pytest.raises(ReferenceUnusable, match="no day with rows"):
        deployment.day(NOW).freeze_successor("2", later, None, ages)


def test_days_before_the_first_are_those_of_the_documents_reference(
    deployment: Deployment,
) -> None:
    window = Window(deployment.reference[-1], DAY)
    frozen = deployment.day(NOW).freeze_successor("2", window, None, ages)
    assert list(frozen.days) == [deployment.reference[-1], DAY]


def test_the_reference_of_a_document_is_not_answered_anew(deployment: Deployment) -> None:
    monitor = deployment.monitor
    with pytest.raises(ReferenceUnusable, match="which no other model answers"):
        rescore(monitor, monitor, lake=lake(deployment), predict=ages)


def test_who_was_not_answered_is_not_answered_now(deployment: Deployment) -> None:
    """Requests that failed, and requests whose features are not known."""

    def failed(table: pa.Table) -> pa.Table:
        values = table.column("probability").to_pylist()
        at = table.schema.get_field_index("probability")
        return table.set_column(at, "probability", pa.array([None, None, *values[2:]]))

    deployment.change(Kind.PREDICTIONS, failed, DAY)
    deployment.change(Kind.FEATURES, lambda table: table.slice(0, table.num_rows - 3), DAY)
    deployment.take(DAY, now=NOW)

    def unknown_is_50(table: pa.Table) -> Any:
        return ages(pa.table({"age": table.column("age").fill_null(50)}))

    rescored(deployment, unknown_is_50)
    now = rows(deployment, Kind.PREDICTIONS, reference.folder(effective(deployment)))
    lost = {0, 1} | set(range(deployment.rows - 3, deployment.rows))
    for name in ("probability", "decision"):
        values = now.column(name).to_pylist()
        assert {i for i, value in enumerate(values) if value is None} == lost
    assert now.column("version").null_count == 0


@pytest.mark.parametrize(
    "point", ["rescoring.day_written", "snapshot.adopted", "lake.written.json"]
)
def test_what_breaks_on_the_way_is_done_by_the_next_attempt(
    copies: Callable[[], Deployment], point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = copies(), copies()
    rescored(whole)
    monkeypatch.setenv(VARIABLE, f"{point}=raise")
    with pytest.raises(FailpointReached):
        rescored(broken)
    monkeypatch.delenv(VARIABLE)
    rescored(broken)
    found = files(broken)
    assert found == files(whole)
    rescored(broken, lambda _: pytest.fail("it was answered twice"))
    assert files(broken) == found


def test_a_model_that_answers_with_something_else_is_refused(deployment: Deployment) -> None:
    with pytest.raises(ModelRefused, match=r"an array of shape \(200, 2\); \(200,\) is needed"):
        rescored(deployment, lambda table: np.zeros((table.num_rows, 2)))


# --- answers in columns ---------------------------------------------------------------------------


def answering(task: str, types: dict[str, Any], **model: Any) -> Monitor:
    """The effective document of a model of some task with these columns."""
    ours = Succession(MONITOR).taking_over("7", WINDOW, None)
    columns = {
        "id": Column(role=Role.ID),
        "version": Column(role=Role.MODEL_VERSION, type=types.pop("version", None)),
        **types,
    }
    changed = ours.model.model_copy(update={"task": Task(task), **model})
    return ours.model_copy(update={"columns": columns, "model": changed})


def columns(
    monitor: Monitor, scores: Any, answered: Any = None, no: Any = False
) -> dict[str, list]:
    made = np.array(scores, dtype=np.float64)
    is_answered = np.ones(len(made), dtype=bool) if answered is None else np.array(answered)
    found = Answers(monitor, Kind.PREDICTIONS, made, is_answered).columns(no)
    return {name: values.to_pylist() for name, values in found.items()}


NAN = float("nan")


@pytest.mark.parametrize(
    ("to", "positive", "no", "expected"),
    [
        (ColumnType.INTEGER, 1, 0, [1, 0, None]),
        (ColumnType.NUMBER, 1, 0, [1.0, 0.0, None]),
        (ColumnType.BOOLEAN, 1, False, [True, False, None]),
        (ColumnType.CATEGORY, "yes", "no", ["yes", "no", None]),
        (ColumnType.TEXT, True, "false", ["true", "false", None]),
    ],
    ids=str,
)
def test_a_binary_decision_has_the_declared_type_and_none_without_a_score(
    to: ColumnType, positive: Any, no: Any, expected: list[Any]
) -> None:
    types = {
        "decision": Column(role=Role.PREDICTION, type=to),
        "score": Column(role=Role.SCORE),
    }
    monitor = answering("binary", types, positive_label=positive, threshold=0.3)
    found = columns(monitor, [0.3, 0.2999, NAN], no=no)
    assert found["decision"] == expected
    assert found["score"][:2] == [0.3, 0.2999]
    assert np.isnan(found["score"][2])


def test_without_any_threshold_one_half_decides() -> None:
    types = {"decision": Column(role=Role.PREDICTION, type=ColumnType.INTEGER)}
    monitor = answering("binary", types, threshold=None)
    assert columns(monitor, [0.5, 0.49], no=0)["decision"] == [1, 0]


def test_classes_have_their_scores_and_the_highest_is_predicted() -> None:
    types = {
        "predicted": Column(role=Role.PREDICTION, type=ColumnType.CATEGORY),
        "of_b": Column(role=Role.SCORE, class_label="b"),
        "of_a": Column(role=Role.SCORE, class_label="a"),
        "of_c": Column(role=Role.SCORE, class_label="c"),
    }
    monitor = answering("multiclass", types, classes=("a", "b", "c"), threshold=None)
    scores = [[0.2, 0.7, 0.1], [0.5, 0.2, 0.3], [NAN, 0.4, 0.6], [0.1, 0.1, 0.8]]
    found = columns(monitor, scores, [True, True, True, False])
    assert found["predicted"] == ["b", "a", None, None]
    assert found["of_b"] == [0.7, 0.2, 0.4, None]
    assert found["of_c"] == [0.1, 0.3, 0.6, None]


@pytest.mark.parametrize(
    ("to", "expected"),
    [(ColumnType.NUMBER, [2.6, -1.2, None]), (ColumnType.INTEGER, [3, -1, None])],
    ids=["numbers", "whole numbers"],
)
def test_a_regression_predicts_what_it_answers(to: ColumnType, expected: list[Any]) -> None:
    monitor = answering("regression", {"told": Column(role=Role.PREDICTION, type=to)})
    assert columns(monitor, [2.6, -1.2, 9.9], [True, True, False])["told"] == expected


@pytest.mark.parametrize(
    ("to", "expected"),
    [(None, "7"), (ColumnType.INTEGER, 7), (ColumnType.BOOLEAN, None)],
    ids=["a category", "a number", "what cannot hold it"],
)
def test_the_version_has_the_declared_type(to: ColumnType | None, expected: Any) -> None:
    monitor = answering("binary", {"version": to, "score": Column(role=Role.SCORE)}, threshold=0.5)
    assert columns(monitor, [0.5])["version"] == [expected]


@pytest.mark.parametrize(
    ("to", "positive", "logged", "expected"),
    [
        (ColumnType.TEXT, "yes", {"yes": 9, "no": 2, "maybe": 1, None: 20}, "no"),
        (ColumnType.TEXT, "yes", {"yes": 9}, "not yes"),
        (ColumnType.INTEGER, 1, {}, 0),
        (ColumnType.NUMBER, 0, {0.0: 3}, 1),
        (ColumnType.INTEGER, 2, {2: 5, 1: 7}, 1),
        (ColumnType.BOOLEAN, 1, {}, False),
    ],
    ids=["the usual word", "no word known", "a whole number", "zero", "1 and 2", "a boolean"],
)
def test_a_negative_decision_is_written_as_production_writes_it(
    to: ColumnType, positive: Any, logged: dict[object, int], expected: Any
) -> None:
    types = {"decision": Column(role=Role.PREDICTION, type=to)}
    monitor = answering("binary", types, positive_label=positive, threshold=0.5)
    assert negative(monitor, logged) == expected
