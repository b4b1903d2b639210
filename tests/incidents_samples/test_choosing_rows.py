"""Which rows are chosen: strata, their turns, and what neither order nor batches may change."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.strata import BECAUSE, NEAR, Stratum, choose, drafted
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_samples.shop import COLUMNS, GRID, choice, document, new_in_region, table

MONITOR = document()
UNSEEN = new_in_region(0.0, 0.0, 1.0)
FULL = {str(s): 25 for s in Stratum}


def day(**changed: Any) -> pa.Table:
    """400 rows: 50 of an unseen region, 50 wrong, 50 close to 0.5, the rest right and ordinary."""
    wrong = [0.0001 * i for i in range(50)]
    close = [0.45 + 0.002 * i for i in range(50)]
    columns: dict[str, Any] = {
        "id": [f"r{i}" for i in range(400)],
        "customer": ["pk1_" + "a" * 26] * 400,
        "age": [30] * 400,
        "income": [1.0] * 400,
        "region": ["moon"] * 50 + ["north", "south"] * 175,
        "score": [0.9] * 50 + wrong + close + [0.9] * 250,
        "version": ["1", "2"] * 200,
        "outcome": [None] * 50 + [1] * 50 + [None] * 300,
    }
    return table(MONITOR, **(columns | changed))


def ids(sample: pa.Table, stratum: Stratum) -> list[str]:
    rows = sample.to_pylist()
    return [row["id"] for row in rows if row[BECAUSE] == stratum]


def counts(sample: pa.Table) -> dict[str, int]:
    return dict(Counter(sample.column(BECAUSE).to_pylist()))


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables are equal, not-a-number being equal to itself."""
    return one.schema == other.schema and repr(one.to_pydict()) == repr(other.to_pydict())


def test_each_stratum_gets_a_quarter_and_its_most_telling_rows() -> None:
    sample = choice(MONITOR, None, UNSEEN).chosen(day())
    assert counts(sample) == FULL
    assert set(ids(sample, Stratum.GAINED)) <= {f"r{i}" for i in range(50)}
    assert ids(sample, Stratum.LOSS) == [f"r{i}" for i in range(50, 75)]
    nearest = sorted(range(50), key=lambda i: abs(0.45 + 0.002 * i - 0.5))[:25]
    assert set(ids(sample, Stratum.EDGE)) == {f"r{100 + i}" for i in nearest}
    assert len(set(sample.column("id").to_pylist())) == 100


def test_the_control_is_drawn_from_all_rows_that_tell_nothing_else() -> None:
    drawn: set[str] = set()
    for seed in map(str, range(40)):
        sample = choice(MONITOR, None, UNSEEN, seed=seed).chosen(day())
        control = ids(sample, Stratum.CONTROL)
        others = set(sample.column("id").to_pylist()) - set(control)
        assert not others & set(control)
        drawn |= set(control)
    assert len(drawn) > 300


def test_another_seed_gives_another_sample_and_the_same_seed_the_same() -> None:
    first, again, other = (
        choice(MONITOR, None, UNSEEN, seed=seed).chosen(day()) for seed in ("a", "a", "b")
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_what_a_short_stratum_leaves_goes_to_the_others() -> None:
    regions = ["moon"] * 10 + ["north", "south"] * 195
    sample = choice(MONITOR, None, UNSEEN).chosen(day(region=regions))
    assert counts(sample) == {
        "gained_mass": 10,
        "highest_loss": 30,
        "near_threshold": 30,
        "random_control": 30,
    }


def test_strata_that_want_the_same_rows_share_them() -> None:
    both = [0.45] * 40 + [0.99] * 360
    sample = choice(MONITOR, None, UNSEEN).chosen(
        day(region=["moon"] * 40 + ["north"] * 360, score=both, outcome=[None] * 400)
    )
    assert counts(sample) == {"gained_mass": 20, "near_threshold": 20, "random_control": 60}


def test_a_small_day_is_taken_whole() -> None:
    sample = choice(MONITOR, None, UNSEEN).chosen(day().slice(0, 60))
    assert sorted(sample.column("id").to_pylist()) == sorted(f"r{i}" for i in range(60))


@pytest.mark.parametrize(
    ("changed", "empty"),
    [
        pytest.param({"outcome": [None] * 400}, {"highest_loss"}, id="no label is known"),
        pytest.param(
            {"score": [None] * 400},
            {"highest_loss", "near_threshold"},
            id="no request has a score",
        ),
        pytest.param(
            {"score": [float("nan")] * 200 + [float("inf")] * 200},
            {"highest_loss", "near_threshold"},
            id="no score is a number",
        ),
        pytest.param({"region": ["north"] * 400}, {"gained_mass"}, id="no cell gained"),
        pytest.param({"region": [None] * 400}, {"gained_mass"}, id="the feature is all null"),
    ],
)
def test_a_stratum_without_rows_is_left_out(changed: dict[str, Any], empty: set[str]) -> None:
    sample = choice(MONITOR, None, UNSEEN).chosen(day(**changed))
    assert set(counts(sample)) == {str(s) for s in Stratum} - empty
    assert sample.num_rows == 100


@pytest.mark.parametrize("lacking", ["outcome", "score", "region", "version", "age"])
def test_a_column_that_the_rows_lack_costs_its_stratum_only(lacking: str) -> None:
    sample = choice(MONITOR, None, UNSEEN).chosen(day().drop_columns([lacking]))
    assert sample.num_rows == 100
    assert lacking not in sample.column_names


def test_an_empty_day_gives_an_empty_sample() -> None:
    sample = choice(MONITOR, None, UNSEEN).chosen(day().slice(0, 0))
    assert sample.num_rows == 0
    assert sample.column_names[-1] == BECAUSE


def test_cells_are_shown_in_proportion_to_what_they_gained() -> None:
    # Of the north a tenth is new and of the south all: of 200 rows each, 20 against 200.
    regions = ["north"] * 200 + ["south"] * 200
    rows = day(region=regions, outcome=[None] * 400, score=[0.9] * 400)
    found: Counter[str] = Counter()
    for seed in map(str, range(40)):
        sample = choice(MONITOR, None, new_in_region(0.1, 1.0, 0.0), seed=seed).chosen(rows)
        places = [int(name[1:]) for name in ids(sample, Stratum.GAINED)]
        found.update(regions[place] for place in places)
    assert 0.05 < found["north"] / found.total() < 0.15


def test_scores_further_than_near_are_not_near() -> None:
    scores = [0.5 - NEAR * 1.01] * 200 + [0.5 + NEAR * 0.99] * 5 + [0.9] * 195
    sample = choice(MONITOR).chosen(day(score=scores, outcome=[None] * 400))
    assert counts(sample)["near_threshold"] == 5


def test_a_perfect_prediction_is_no_loss() -> None:
    rows = day(score=[1.0] * 400, outcome=[1] * 400)
    assert "highest_loss" not in counts(choice(MONITOR).chosen(rows))


@pytest.mark.parametrize(
    ("focus", "belongs"),
    [
        pytest.param(Focus(segment="region=south"), ("south", None), id="a segment"),
        pytest.param(Focus(segment="region=(other)"), ("moon", None), id="the other values"),
        pytest.param(Focus(segment="region=(null)"), (None, None), id="no value"),
        pytest.param(Focus(version="2"), (..., "2"), id="a model version"),
        pytest.param(
            Focus(segment="region=north", version="1"), ("north", "1"), id="a version's segment"
        ),
    ],
)
def test_rows_come_from_the_incidents_part_of_the_traffic(focus: Focus, belongs: Any) -> None:
    regions = ["moon", "north", "south", "north", None] * 80
    sample = choice(MONITOR, focus, UNSEEN).chosen(day(region=regions))
    assert sample.num_rows
    region, version = belongs
    assert region is ... or set(sample.column("region").to_pylist()) == {region}
    assert version is None or set(sample.column("version").to_pylist()) == {version}


@pytest.mark.parametrize(
    "focus",
    [
        pytest.param(Focus(segment="region=mars"), id="a segment that the grid does not know"),
        pytest.param(Focus(segment="shoe=42"), id="a segment that is not declared"),
        pytest.param(Focus(version="9"), id="a version that did not serve"),
        pytest.param(Focus(version="(other)"), id="versions that nobody tells apart"),
    ],
)
def test_a_part_without_rows_gives_no_sample(focus: Focus) -> None:
    assert choice(MONITOR, focus).chosen(day()).num_rows == 0


def of_task(model: dict[str, Any], **columns: dict[str, Any]) -> Monitor:
    return document({"id": {"role": "id"}, **columns}, model=model)


def test_a_wrong_class_is_the_loss_where_no_score_is_logged() -> None:
    monitor = of_task(
        {"task": "binary"},
        decision={"role": "prediction", "type": "integer"},
        outcome={"role": "label", "type": "integer"},
    )
    rows = table(
        monitor,
        id=[f"r{i}" for i in range(300)],
        decision=[1] * 300,
        outcome=[0] * 30 + [1] * 100 + [None] * 170,
    )
    sample = choice(monitor).chosen(rows)
    assert set(ids(sample, Stratum.LOSS)) == {f"r{i}" for i in range(30)}


def test_the_largest_absolute_errors_are_the_loss_of_a_regression() -> None:
    monitor = of_task(
        {"task": "regression"},
        predicted={"role": "prediction", "type": "number"},
        target={"role": "label", "type": "number"},
    )
    errors = [*np.linspace(-50, 50, 300), float("nan"), float("inf"), 0.0]
    rows = table(
        monitor,
        id=[f"r{i}" for i in range(303)],
        predicted=[100 + e for e in errors],
        target=[100.0] * 303,
    )
    sample = choice(monitor).chosen(rows)
    assert counts(sample) == {"highest_loss": 50, "random_control": 50}
    largest = {*range(25), *range(275, 300)}
    assert set(ids(sample, Stratum.LOSS)) == {f"r{i}" for i in largest}


def test_classes_have_a_log_loss_and_a_lead() -> None:
    monitor = of_task(
        {"task": "multiclass", "classes": ["a", "b", "c"]},
        pa_={"role": "score", "class_label": "a"},
        pb={"role": "score", "class_label": "b"},
        pc={"role": "score", "class_label": "c"},
        truth={"role": "label", "type": "category"},
    )
    rows = table(
        monitor,
        id=[f"r{i}" for i in range(300)],
        pa_=[0.9] * 40 + [0.48] * 40 + [0.9] * 220,
        pb=[0.05] * 40 + [0.47] * 40 + [0.05] * 220,
        pc=[0.05] * 300,
        truth=["c"] * 40 + [None] * 40 + ["a"] * 20 + ["not a class"] * 200,
    )
    sample = choice(monitor).chosen(rows)
    # Rows of class a have a loss, too, and come after those of c.
    assert ids(sample, Stratum.LOSS)[0] in {f"r{i}" for i in range(40)}
    assert set(ids(sample, Stratum.LOSS)) <= {f"r{i}" for i in range(40)}
    assert set(ids(sample, Stratum.EDGE)) <= {f"r{i}" for i in range(40, 80)}
    assert counts(sample) == {"highest_loss": 34, "near_threshold": 33, "random_control": 33}


def test_a_ranking_has_no_loss_and_no_threshold() -> None:
    monitor = of_task({"task": "ranking"}, rank={"role": "prediction", "type": "integer"})
    rows = table(monitor, id=[f"r{i}" for i in range(200)], rank=[1] * 200)
    assert counts(choice(monitor).chosen(rows)) == {"random_control": 100}


def test_ids_may_be_numbers() -> None:
    monitor = document(COLUMNS | {"id": {"role": "id", "type": "integer"}})
    rows = table(monitor, id=range(300), score=[0.5] * 300, region=["moon"] * 300)
    assert choice(monitor, None, UNSEEN).chosen(rows).num_rows == 100


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["north", "south", "moon", None]),
        st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.45, 0.5, 0.55, 1.0, float("nan")])),
        st.sampled_from([0, 1, None]),
        st.sampled_from(["1", "2", None]),
    ),
    max_size=30,
)


@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 30), st.integers(1, 20))
def test_neither_the_order_of_rows_nor_their_batches_change_the_sample(
    drawn: list[tuple[Any, ...]], random: Any, at_most: int, step: int
) -> None:
    names = ("region", "score", "outcome", "version")
    columns = {name: [row[place] for row in drawn] for place, name in enumerate(names)}
    rows = table(MONITOR, id=[f"r{i}" for i in range(len(drawn))], **columns)
    choosing = choice(MONITOR, Focus(), new_in_region(0.2, 0.0, 1.0), at_most=at_most)
    sample = choosing.chosen(rows)
    places = list(range(len(drawn)))
    random.shuffle(places)
    shuffled = rows.take(pa.array(places, pa.int64()))
    assert same(choosing.chosen(shuffled), sample)

    held = shuffled.slice(0, 0)
    for start in range(0, len(drawn), step):
        held = choosing.candidates(pa.concat_tables([held, shuffled.slice(start, step)]))
    assert held.num_rows <= 4 * at_most
    assert same(choosing.chosen(held), sample)
    assert sample.num_rows == min(at_most, len(drawn))
    assert len(set(sample.column("id").to_pylist())) == sample.num_rows


@given(st.lists(st.lists(st.integers(0, 40), unique=True), min_size=3, max_size=3))
def test_turns_leave_no_stratum_more_than_one_behind_while_it_has_rows(
    wanted: list[list[int]],
) -> None:
    budget = 20
    lists = [np.array(w[:budget], dtype=np.int64) for w in wanted]
    ranked = dict(zip(Stratum, [*lists, np.arange(budget)], strict=True))
    got = drafted(ranked)
    assert len(got) == budget
    sizes = Counter(got.values())
    for stratum, rows in list(ranked.items())[:3]:
        left = set(rows.tolist()) - {row for row, s in got.items() if s is not Stratum.CONTROL}
        if left:
            assert sizes[stratum] >= max(sizes.values()) - 1


def test_the_function_and_the_choice_are_one() -> None:
    sample = choose(
        day(), monitor=MONITOR, grid=GRID, wanted=Focus(), gained=[UNSEEN], seed="s", at_most=40
    )
    assert sample.equals(choice(MONITOR, None, UNSEEN, at_most=40).chosen(day()))
