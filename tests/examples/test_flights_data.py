"""Claims about the prepared flights."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from examples.flights import prepare, train


def test_every_flight_of_2013_has_an_id_of_its_own(flights: pa.Table) -> None:
    assert flights.num_rows == 336_776
    assert len(flights["flight_id"].unique()) == 336_776


def test_the_first_flight_of_the_year_is_the_one_that_the_source_names(flights: pa.Table) -> None:
    first = flights.slice(0, 1).to_pylist()[0]
    assert first["flight_id"] == "2013-01-01-UA-1545-EWR-0515"
    assert first["scheduled_at"] == dt.datetime(2013, 1, 1, 10, 15, tzinfo=dt.UTC)
    assert (first["temp"], first["dewp"], first["humid"]) == (39.02, 28.04, 64.43)
    assert first["is_late"] == 0  # it was 11 minutes late


def test_a_flight_that_never_arrived_has_no_outcome(flights: pa.Table) -> None:
    assert flights["is_late"].null_count == 8_255 + 1_175  # cancelled, diverted
    assert flights["at_gate_at"].null_count == 8_255 + 1_175


def test_the_flights_are_in_the_order_of_their_departure(flights: pa.Table) -> None:
    scheduled = flights["scheduled_at"].cast(pa.timestamp("us")).to_numpy()
    assert (np.diff(scheduled) >= np.timedelta64(0)).all()


@pytest.mark.parametrize(
    ("first", "last", "rows"),
    [
        pytest.param((1, 1), (1, 1), 842, id="new year's day"),
        pytest.param((3, 1), (3, 31), 28_834, id="the whole of March"),
        pytest.param((12, 31), (12, 31), 776, id="the last day"),
    ],
)
def test_days_are_those_of_new_york(
    flights: pa.Table, first: tuple[int, int], last: tuple[int, int], rows: int
) -> None:
    days = (dt.date(2013, *first), dt.date(2013, *last))
    assert train.between(flights, days).num_rows == rows


def test_the_hour_that_autumn_repeats_does_not_double_flights(flights: pa.Table) -> None:
    sunday = dt.date(2013, 11, 3)
    assert train.between(flights, (sunday, sunday)).num_rows == 902


def test_without_the_data_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r'pip install "monitoring-dagster\[demo\]"'):
        prepare.source_folder()
