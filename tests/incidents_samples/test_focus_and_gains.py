"""What an incident is about, and which cells of a day gained mass against the reference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pytest

from monitoring_dagster.incidents.cause import Cause, CauseKind
from monitoring_dagster.incidents.sampling.focus import Focus
from monitoring_dagster.incidents.sampling.gains import MOST_CELLS, gains
from monitoring_dagster.profiles.grid import CategoryCells, Grid, NumericCells
from monitoring_dagster.profiles.profile import ALL, ColumnCounts, Group, GroupCounts, Profile
from tests.incidents_samples.shop import COLUMNS, document, incident

MONITOR = document()
GRID = Grid(
    {
        "region": CategoryCells(("north", "south")),
        "income": NumericCells(tuple(float(i) for i in range(1, 101))),
        "score": NumericCells((0.0, 0.5, 1.0)),
    },
    {"region": (("north",), ("south",))},
)


@pytest.mark.parametrize(
    ("subjects", "cause", "focus"),
    [
        pytest.param(
            [
                "drift|psi|income|all|all|",
                "drift|psi|region|all|all|",
                "drift|psi|income|all|all|x",
            ],
            Cause(CauseKind.INPUTS),
            Focus(("income", "region")),
            id="columns come once, by impact",
        ),
        pytest.param(
            ["data|psi|age|all|all|"],
            Cause(CauseKind.COLUMN, "income"),
            Focus(("income", "age")),
            id="a broken column leads",
        ),
        pytest.param(
            ["performance|auc||region=a|b|all|"],
            Cause(CauseKind.SEGMENT, "region=a|b"),
            Focus((), "region=a|b"),
            id="a segment that is the cause, whatever characters it has",
        ),
        pytest.param(
            ["drift|psi|income|region=north|all|", "drift|psi|age|region=north|all|"],
            Cause(CauseKind.INPUTS),
            Focus(("income", "age"), "region=north"),
            id="signals that all lie in one segment",
        ),
        pytest.param(
            ["drift|psi|income|region=north|all|", "drift|psi|income|all|all|"],
            Cause(CauseKind.INPUTS),
            Focus(("income",)),
            id="signals of a segment and of the whole",
        ),
        pytest.param(
            ["performance|auc||all|3|"],
            Cause(CauseKind.VERSION, "3"),
            Focus((), version="3"),
            id="a model version",
        ),
        pytest.param(
            ["performance|rmse||all|all|"],
            Cause(CauseKind.PERFORMANCE),
            Focus(),
            id="a cause without a column",
        ),
        pytest.param(
            ["drift|psi|gone|all|all|"],
            Cause(CauseKind.INPUTS),
            Focus(),
            id="a column that is no longer declared",
        ),
        pytest.param([], Cause(CauseKind.SNAPSHOT, "features"), Focus(), id="no signal"),
    ],
)
def test_the_focus_is_what_the_incident_is_about(
    subjects: list[str], cause: Cause, focus: Focus
) -> None:
    assert Focus.of(incident(*subjects, cause=cause), MONITOR) == focus


def test_a_column_may_have_a_bar_in_its_name() -> None:
    monitor = document(COLUMNS | {"a|b": {"role": "feature", "type": "number"}})
    found = Focus.of(incident("drift|psi|a|b|region=north|all|"), monitor)
    assert found == Focus(("a|b",), "region=north")


def counts(cells: list[int], nulls: int = 0) -> ColumnCounts:
    return ColumnCounts(np.array(cells), rows=sum(cells) + nulls, nulls=nulls)


def profile(groups: Mapping[tuple[str, str], Mapping[str, ColumnCounts]]) -> Profile:
    made = {
        Group(*group): GroupCounts(next(iter(columns.values())).rows, columns)
        for group, columns in groups.items()
    }
    return Profile(GRID.id, made)


def whole(**columns: ColumnCounts) -> Profile:
    return profile({(ALL, ALL): columns})


def test_only_what_the_reference_does_not_account_for_is_new() -> None:
    before, now = whole(region=counts([50, 50, 0])), whole(region=counts([60, 20, 10], nulls=10))
    (gain,) = gains(MONITOR, GRID, before, now, Focus(("region",)))
    assert gain.new.tolist() == pytest.approx([1 / 6, 0, 1, 1, 0, 0, 0])
    values = pa.array(["north", "south", "moon", None])
    assert gain.of(values).tolist() == pytest.approx([1 / 6, 0, 1, 1])


def test_numbers_gain_in_tenths_of_the_reference_and_not_in_thousandths() -> None:
    cells = [0, *[10] * 99, 0]
    today = [0, *[10] * 89, *[30] * 10, 0]
    (gain,) = gains(
        MONITOR, GRID, whole(income=counts(cells)), whole(income=counts(today)), Focus(("income",))
    )
    new = np.flatnonzero(gain.new[: len(cells)])
    assert new.min() >= 85
    assert new.tolist() == list(range(new.min(), len(cells)))
    found = gain.of(pa.array([1.5, 99.5, 1e9, None, float("nan"), float("inf")]))
    assert (found > 0).tolist() == [False, True, True, False, False, False]


def test_the_cells_that_gained_most_of_all_columns_are_shown() -> None:
    before = whole(
        region=counts([10, 90, 0]),
        score=counts([0, 50, 50, 0]),
        income=counts([0, *[10] * 99, 0]),
    )
    now = whole(
        region=counts([90, 10, 0]),
        score=counts([0, 49, 51, 0]),
        income=counts([0, *[9, 11] * 49, 10, 0]),
    )
    found = gains(MONITOR, GRID, before, now, Focus(("income", "score", "region")))
    assert "region" in {gain.column for gain in found}
    assert sum(gain.new.max() > 0 for gain in found) <= MOST_CELLS


def test_without_a_column_of_its_own_an_incident_is_shown_where_inputs_and_scores_moved() -> None:
    before, now = whole(score=counts([0, 90, 10, 0])), whole(score=counts([0, 10, 90, 0]))
    (gain,) = gains(MONITOR, GRID, before, now, Focus())
    assert gain.column == "score"


def test_a_segment_is_compared_with_itself_and_a_version_with_the_whole() -> None:
    north = (ALL, "region=north")
    before = profile(
        {(ALL, ALL): {"region": counts([50, 50, 0])}, north: {"region": counts([9, 1, 0])}}
    )
    now = profile(
        {north: {"region": counts([9, 1, 0])}, ("2", ALL): {"region": counts([90, 10, 0])}}
    )
    assert gains(MONITOR, GRID, before, now, Focus(("region",), "region=north")) == ()
    (gain,) = gains(MONITOR, GRID, before, now, Focus(("region",), version="2"))
    assert gain.new[0] == pytest.approx(0.4 / 0.9)


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(Profile(GRID.id, {}), id="the day was not counted"),
        pytest.param(whole(region=counts([0, 0, 0])), id="the day has no rows"),
        pytest.param(Profile("another", whole(region=counts([0, 9, 9])).groups), id="another grid"),
        pytest.param(whole(region=counts([50, 50, 0])), id="nothing changed"),
    ],
)
def test_nothing_is_gained_where_nothing_can_be_compared(now: Profile) -> None:
    before = whole(region=counts([50, 50, 0]))
    assert gains(MONITOR, GRID, before, now, Focus(("region",))) == ()
