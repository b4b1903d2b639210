"""The real flights of the example with their days shuffled, so that nothing can drift.

Either whole days change places, which keeps how much real days differ, or all rows do, which
leaves days that differ by chance alone. What is found in either is a false alarm.
"""

from __future__ import annotations

import datetime as dt
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset

from benchmarks.detection.world import Floats, Frame, Victims, World, calendar
from examples.flights import telemetry, train
from examples.flights.__main__ import DEFAULT_HOME
from examples.flights.prepare import TIME_ZONE
from examples.flights.stages import REPOSITORY, Demo, monitor

Shuffled = Literal["days", "rows"]

OWN_HOME = REPOSITORY / ".bench/flights"
UNTIL_TELEMETRY = 3
"""Stages of the example that make the telemetry; the last one, monitoring it, is not needed."""

MOST_WITHOUT_WEATHER = 0.01
"""Share of a day's flights without temperature or wind, from which the day is left out."""

TIMES = ("scheduled_at", "scored_at", "known_at")
VICTIMS = Victims(
    number="distance",
    numbers=("temp", "dewp", "humid", "wind_speed", "pressure", "distance"),
    frozen="humid",
    category="dest",
    segment=("origin", "JFK"),
)


@cache
def home() -> Path:
    """A home with the example's model and telemetry: the demo's, else one of our own."""
    if all(stage.facts() is not None for stage in _stages(DEFAULT_HOME)):
        return DEFAULT_HOME
    for stage in _stages(OWN_HOME):
        if stage.facts() is None:
            stage.run()
    return OWN_HOME


@cache
def pool() -> Frame:
    """Every flight of the telemetry, with its times as times of its own local day.

    Days on which a weather station or its anemometer was silent are left out.
    """
    folder = home() / "telemetry"
    features, predictions, labels = (
        pyarrow.dataset.dataset(folder / kind).to_table().to_pandas() for kind in telemetry.KINDS
    )
    rows = features.merge(predictions, on="flight_id").merge(labels, on="flight_id", how="left")
    rows["day"] = pd.to_datetime(rows["flight_id"].str[:10])
    # A weather station that is silent is a fault, and to be found: such days are not unchanged.
    unseen = rows[["temp", "wind_speed"]].isna().any(axis=1)
    silent = unseen.groupby(rows["day"]).mean() > MOST_WITHOUT_WEATHER
    rows = rows[~rows["day"].map(silent)]
    # Rows are taken from a frame 300 times: of pandas' own strings that takes 0.07 s each.
    rows = rows.astype(dict.fromkeys(rows.select_dtypes("str").columns, object))
    for name in TIMES:
        rows[name] = rows[name].dt.tz_convert(TIME_ZONE).dt.tz_localize(None) - rows["day"]
    return rows.sort_values(["day", "scored_at", "flight_id"], ignore_index=True)


def shuffled(
    how: Shuffled, rows_per_day: int | None, *, reference_days: int, seed: int, days: int = 306
) -> World:
    """The flights in a shuffled order, cut into days from 1 March 2013 on.

    Args:
        how: whether days or rows change places.
        rows_per_day: a random part of each day; None for all that it had (905 on average).
        reference_days: how many of the days are the reference.
        seed: decides the order and the parts.
        days: at most 306.
    """
    random = np.random.default_rng([seed, len(how), rows_per_day or 0])
    flights = pool()
    if how == "rows":
        of_days = np.array_split(random.permutation(len(flights)), flights["day"].nunique())
    else:
        of_days = list(flights.groupby("day", sort=True).indices.values())
        random.shuffle(of_days)
    dates = [telemetry.FIRST_DAY + dt.timedelta(days=i) for i in range(days)]
    frames = {
        date: _placed(flights.iloc[np.sort(_part(places, rows_per_day, random))], date)
        for date, places in zip(dates, of_days, strict=False)
    }
    return World(
        f"flights, {how} shuffled",
        calendar(monitor(), telemetry.FIRST_DAY, reference_days, days),
        frames,
        partial(_scores, _model()),
        VICTIMS,
    )


def _stages(folder: Path) -> list:
    return list(islice(Demo(folder).stages(), UNTIL_TELEMETRY))


@cache
def _model() -> object:
    return train.champion(home() / "mlflow")


def _scores(model: object, rows: Frame) -> Floats:
    return train.score(model, pa.Table.from_pandas(rows[list(train.FEATURES)]))


def _part(places: np.ndarray, rows: int | None, random: np.random.Generator) -> np.ndarray:
    if rows is None or rows >= len(places):
        return places
    return random.choice(places, rows, replace=False)


def _placed(rows: Frame, date: dt.date) -> Frame:
    """The rows of one day, as if they were of `date`."""
    midnight = np.datetime64(date, "us")
    return (
        rows.drop(columns="day")
        .assign(**{name: midnight + rows[name] for name in TIMES})
        .reset_index(drop=True)
    )
