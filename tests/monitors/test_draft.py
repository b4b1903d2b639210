"""A draft from a sample of telemetry loads as it is, and says why it guesses what it guesses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from monitoring_dagster.errors import MonitorInvalid, SourceMissing, SourceUnreadable
from monitoring_dagster.monitors.contract import Kind, Monitor, Privacy, Role, Task
from monitoring_dagster.monitors.draft import draft
from monitoring_dagster.monitors.loader import load_text

ROWS = 2_000
FIRST = dt.datetime(2026, 1, 1)  # noqa: DTZ001 - the sample's times have no offset, on purpose

Columns = dict[str, Any]


@pytest.fixture
def credit() -> Columns:
    """Telemetry of a credit model: 2,000 applications, one every half hour from 2026-01-01."""
    rng = np.random.default_rng(7)
    i = np.arange(ROWS)
    return {
        "application_id": [f"a-{k}" for k in i],
        "scored_at": [FIRST + dt.timedelta(minutes=30 * int(k)) for k in i],
        "Customer E-Mail": [f"planted{k % 900}@example.org" for k in i],
        "phone": [f"+49 30 12345{k % 999:03}" for k in i],
        "customer_id": [f"c{k % 700}" for k in i],
        "notes": [f"called about planted case {k}" for k in i],
        "income": pa.array(rng.lognormal(10, 0.4, ROWS), mask=i % 50 == 0),
        "utilisation": rng.random(ROWS),
        "purpose": rng.choice(["car", "home", "yes"], ROWS),
        "town": ["Planted" if k == 3 else "Rome" if k % 2 else "Oslo" for k in i],
        "age_band": rng.choice(["18-25", "26-40", "41+"], ROWS),
        "score": rng.random(ROWS),
        "latency_ms": rng.gamma(2, 20, ROWS),
        "status": rng.choice(["ok", "timeout"], ROWS),
        "model_version": ["3"] * ROWS,
        "variant": rng.choice(["a", "b"], ROWS),
        "defaulted": (rng.random(ROWS) < 0.1).astype(int),
        "known_at": [FIRST + dt.timedelta(days=30, minutes=30 * int(k)) for k in i],
        "opened": [FIRST - dt.timedelta(days=int(k)) for k in i],
    }  # fmt: skip


@pytest.fixture
def drafted(tmp_path: Path) -> Callable[..., str]:
    """The draft of a sample made of these columns."""

    def write(columns: Columns, name: str = "sample.parquet", **options: Any) -> str:
        path = tmp_path / name
        table = pa.table(columns)
        if path.suffix == ".csv":
            pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(**options))
        else:
            pq.write_table(table, path)
        return draft(path, "credit", "team:risk")

    return write


def loaded(text: str) -> Monitor:
    return load_text(text, "credit.yaml")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("sample.parquet", {}, id="Parquet"),
        pytest.param("sample.csv", {}, id="CSV"),
        pytest.param("sample.csv", {"delimiter": ";"}, id="CSV with semicolons"),
    ],
)
def test_a_draft_loads_as_it_is(
    name: str, options: dict[str, Any], credit: Columns, drafted: Callable[..., str]
) -> None:
    monitor = loaded(drafted(credit, name, **options))
    assert {n: str(c.role) for n, c in monitor.columns.items()} == {
        "application_id": "id",
        "scored_at": "timestamp",
        "Customer E-Mail": "entity",
        "phone": "entity",
        "customer_id": "entity",
        "income": "feature",
        "utilisation": "feature",
        "purpose": "feature",
        "town": "feature",
        "age_band": "feature",
        "score": "score",
        "latency_ms": "latency",
        "status": "status",
        "model_version": "model_version",
        "variant": "variant",
        "defaulted": "label",
        "known_at": "timestamp",
    }
    assert monitor.model.task is Task.BINARY
    assert monitor.model.threshold == 0.5
    assert monitor.model.positive_label == 1
    assert monitor.with_role(Role.TIMESTAMP, Kind.LABELS) == ["known_at"]
    assert [s.columns for s in monitor.segments] == [
        ("variant",),
        ("purpose",),
        ("town",),
        ("age_band",),
    ]
    assert [s.protected for s in monitor.segments] == [False, False, False, True]


def test_who_it_is_becomes_a_pseudonym_and_is_never_quoted(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    text = drafted(credit)
    monitor = loaded(text)
    direct = [n for n, c in monitor.columns.items() if c.privacy is Privacy.DIRECT]
    assert direct == ["Customer E-Mail", "phone", "customer_id"]
    assert monitor.columns["age_band"].privacy is Privacy.SENSITIVE
    assert "planted" not in text.casefold()
    assert "#   notes: free text, which may name people" in text


def test_reference_and_first_day_come_from_the_timestamps(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    # 2,000 half hours are 41 days and 16 hours: 42 days, of which the first half is the reference.
    monitor = loaded(drafted(credit))
    assert monitor.reference.first_day == dt.date(2026, 1, 1)
    assert monitor.reference.last_day == dt.date(2026, 1, 21)
    assert monitor.first_day == dt.date(2026, 1, 22)


def test_expectations_are_suggested_from_the_sample(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    found = {(e.expect, e.column): e for e in loaded(drafted(credit)).quality.expectations}
    # One income in 50 is null: 2 %, doubled.
    assert found["not_null", "income"].mostly == 0.96
    assert found["not_null", "purpose"].mostly == 1.0
    assert found["between", "income"].minimum == 0
    assert (found["between", "utilisation"].minimum, found["between", "score"].maximum) == (0, 1)
    assert found["in_set", "purpose"].values == ("yes", "car", "home")
    assert ("in_set", "town") not in found, "one of its values is rare"
    assert ("in_set", "age_band") not in found, "it is sensitive"


def test_every_guess_says_why(credit: Columns, drafted: Callable[..., str]) -> None:
    text = drafted(credit)
    roles = [line for line in text.splitlines() if line.startswith("    role:")]
    assert len(roles) == 17
    assert all("# " in line for line in roles)
    assert "threshold: 0.5 # CHECK: the score from which the deployed model decides" in text
    assert "time_zone: UTC # CHECK: the times have no offset; the zone they are written in" in text


@pytest.mark.parametrize(
    ("label", "task", "positive"),
    [
        pytest.param([0, 1], Task.BINARY, 1, id="0 and 1"),
        pytest.param([True, False], Task.BINARY, True, id="true and false"),
        pytest.param(["no", "yes"], Task.BINARY, "yes", id="words"),
        pytest.param([0.0, 1.0], Task.BINARY, 1, id="0.0 and 1.0"),
        pytest.param(["keep", "keep", "lose"], Task.BINARY, "lose", id="the rarer of two words"),
        pytest.param([0.5, 1.5], Task.REGRESSION, 1, id="two fractions"),
        pytest.param([k * 1.1 for k in range(60)], Task.REGRESSION, 1, id="many numbers"),
    ],
)
def test_the_task_follows_from_the_labels(
    label: list[Any], task: Task, positive: Any, credit: Columns, drafted: Callable[..., str]
) -> None:
    values = [label[k % len(label)] for k in range(ROWS)]
    monitor = loaded(drafted(credit | {"defaulted": values}))
    assert monitor.model.task is task
    assert monitor.model.positive_label == positive
    assert type(monitor.model.positive_label) is type(positive)


def test_scores_of_classes_make_a_multiclass_model(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    classes = ["car", "home", "other"]
    columns = {n: v for n, v in credit.items() if n != "score"}
    columns |= {f"score_{c}": np.full(ROWS, 1 / 3) for c in classes}
    columns["defaulted"] = [classes[k % 3] for k in range(ROWS)]
    monitor = loaded(drafted(columns))
    assert monitor.model.task is Task.MULTICLASS
    assert monitor.model.classes == ("car", "home", "other")
    assert [monitor.columns[f"score_{c}"].class_label for c in classes] == classes


def test_a_date_in_the_name_stands_for_the_day(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    columns = {n: credit[n] for n in ("application_id", "income", "score")}
    monitor = loaded(drafted(columns, "scores-2026-03-01.parquet"))
    assert monitor.telemetry.predictions is not None
    assert str(monitor.telemetry.predictions.model_dump()["path"]).endswith(
        "/scores-{date}.parquet"
    )
    assert monitor.reference.first_day == monitor.reference.last_day == dt.date(2026, 3, 1)
    assert monitor.first_day == dt.date(2026, 3, 2)


def test_a_sample_outside_of_the_home_is_named_in_full(tmp_path: Path, credit: Columns) -> None:
    sample = tmp_path / "home" / "data" / "s.parquet"
    sample.parent.mkdir(parents=True)
    pq.write_table(pa.table(credit), sample)
    inside = draft(sample, "credit", "team:risk", base=tmp_path / "home")
    outside = draft(sample, "credit", "team:risk", base=tmp_path / "elsewhere")
    assert "path: data/s.parquet #" in inside
    assert f"path: {sample} #" in outside


@pytest.mark.parametrize(
    ("form", "zone"),
    [
        pytest.param("%Y-%m-%dT%H:%M:%SZ", None, id="with an offset"),
        pytest.param("%Y-%m-%d %H:%M", "UTC", id="without one"),
    ],
)
def test_times_that_are_text_in_parquet_are_times(
    form: str, zone: str | None, credit: Columns, drafted: Callable[..., str]
) -> None:
    times = [when.strftime(form) for when in credit["scored_at"]]
    monitor = loaded(drafted(credit | {"scored_at": times}))
    assert monitor.columns["scored_at"].role is Role.TIMESTAMP
    assert monitor.columns["scored_at"].time_zone == zone
    assert monitor.reference.first_day == dt.date(2026, 1, 1)


def test_a_name_that_begins_like_an_answer_is_one_where_no_other_is(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    columns = {n: v for n, v in credit.items() if n not in ("score", "defaulted")}
    numbers = {"predicted_loss": credit["income"], "actual_loss": credit["utilisation"]}
    monitor = loaded(text := drafted(columns | numbers))
    assert monitor.model.task is Task.REGRESSION
    assert (monitor.the(Role.PREDICTION), monitor.the(Role.LABEL)) == tuple(numbers)
    assert text.count("# CHECK: by how its name begins") == 2
    other = loaded(drafted(credit | {"actual_income": credit["income"]}))
    assert other.the(Role.LABEL) == "defaulted"
    assert other.columns["actual_income"].role is Role.FEATURE


def test_a_feature_that_takes_the_values_of_the_classes_is_the_answer(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    classes = ["car", "home", "yes"]
    columns = {n: v for n, v in credit.items() if n != "score"}
    monitor = loaded(drafted(columns | {"defaulted": [classes[k % 3] for k in range(ROWS)]}))
    assert monitor.model.task is Task.MULTICLASS
    assert monitor.the(Role.PREDICTION) == "purpose"


def test_a_task_that_nothing_says_is_marked(credit: Columns, drafted: Callable[..., str]) -> None:
    columns = {n: credit[n] for n in ("application_id", "scored_at", "income")}
    assert "task: binary # CHECK: nothing in the sample says what is predicted" in drafted(columns)


def test_features_alone_make_a_draft(credit: Columns, drafted: Callable[..., str]) -> None:
    columns = {n: credit[n] for n in ("application_id", "scored_at", "income", "defaulted")}
    text = drafted(columns)
    monitor = loaded(text)
    assert monitor.telemetry.predictions is None
    assert "#   defaulted: there is nothing to compare it with" in text


def test_columns_that_cannot_be_declared_are_left_out_with_the_reason(
    credit: Columns, drafted: Callable[..., str]
) -> None:
    text = drafted(
        credit
        | {
            "INCOME": credit["utilisation"],
            "@own": credit["utilisation"],
            "line\nbreak: x": credit["utilisation"],
            "nested": [[1]] * ROWS,
            "empty": pa.nulls(ROWS, pa.float64()),
        }
    )
    monitor = loaded(text)
    assert "line\nbreak: x" not in monitor.columns
    for told in (
        "#   INCOME: its name differs from another one in case only",
        "#   @own: its name cannot be declared; give it another one in the source",
        "#   line break: x: its name cannot be declared",
        "#   nested: nested, binary or of no type; only flat columns are counted",
        "#   empty: it has no value in the sample",
        "#   opened: a second time; it is not clear what for",
    ):
        assert told in text


@pytest.mark.parametrize(
    ("keep", "lacks"),
    [
        pytest.param(
            ("scored_at", "income", "score"),
            "no column has a value of its own in every row; required is an id",
            id="no id",
        ),
        pytest.param(
            ("application_id", "income", "score"),
            "no column holds the time of every row; required is a timestamp",
            id="no time",
        ),
        pytest.param(
            ("application_id", "scored_at"),
            "no column looks like a feature or an answer of the model",
            id="nothing to watch",
        ),
    ],
)
def test_a_sample_that_lacks_what_a_monitor_needs_is_refused(
    keep: tuple[str, ...], lacks: str, credit: Columns, drafted: Callable[..., str]
) -> None:
    with pytest.raises(MonitorInvalid, match=lacks):
        drafted({n: credit[n] for n in keep})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="is not a file; give a CSV or Parquet file"):
        draft(tmp_path / "none.csv", "credit", "team:risk")


def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path) -> None:
    (tmp_path / "sample.parquet").write_text("not Parquet at all")
    with pytest.raises(SourceUnreadable, match="cannot be read as parquet"):
        draft(tmp_path / "sample.parquet", "credit", "team:risk")


def test_a_sample_without_rows_is_refused(drafted: Callable[..., str]) -> None:
    with pytest.raises(SourceUnreadable, match="has no rows"):
        drafted({"id": pa.array([], pa.string()), "score": pa.array([], pa.float64())})


def test_the_name_and_the_owner_are_checked(tmp_path: Path, credit: Columns) -> None:
    pq.write_table(pa.table(credit), tmp_path / "s.parquet")
    with pytest.raises(MonitorInvalid, match="owner: got 'bob', required team:NAME"):
        draft(tmp_path / "s.parquet", "credit", "bob")
