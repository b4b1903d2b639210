"""How many statements a day and a tick take: not more of them for each incident that is open."""

from __future__ import annotations

from pathlib import Path

from monitoring_dagster.store import Store
from tests.incidents_lifecycle.small_desk import morning
from tests.upkeep.deployment import Clock, broken, counted, judge, monitor, upkeep

FEW, MANY = 5, 105


def _statements(store: Store, tmp_path: Path, name: str, count: int) -> tuple[int, int]:
    """Those of a day that is judged again and says the same, and those of a tick."""
    one = monitor(name)
    said = [broken(f"metric_{number}") for number in range(count)]
    judge(store, one, morning(0), {0: said})
    with counted(store) as of_day:
        judge(store, one, morning(0), {0: said})
    kept = upkeep(store, [one], Clock(morning(0)), tmp_path)
    with counted(store) as of_tick:
        assert kept.attend() == []
    return len(of_day), len(of_tick)


def test_what_does_not_change_takes_hardly_any_statements_of_its_own(
    store: Store, tmp_path: Path
) -> None:
    few, many = _statements(store, tmp_path, "few", FEW), _statements(store, tmp_path, "many", MANY)
    assert many[0] - few[0] <= 2 * (MANY - FEW)  # what its context is looked up with
    assert many[1] <= few[1] + 2


def test_signals_that_stay_as_they_are_are_not_written_again(store: Store) -> None:
    one = monitor()
    judge(store, one, morning(0), {0: [broken("recall")]})
    with counted(store) as again:
        judge(store, one, morning(0), {0: [broken("recall")]})
    assert not [text for text in again if "incident_signal" in text and "SELECT" not in text]
