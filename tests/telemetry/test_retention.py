"""Retention: whole partitions past their days, and nothing else."""

from __future__ import annotations

import datetime as dt

from tests.telemetry.world import World

TODAY = dt.date(2026, 6, 30)


def days_ago(days: int) -> dt.date:
    return TODAY - dt.timedelta(days=days)


def fill(world: World) -> None:
    world.changes = {
        "retention": {"snapshots_days": 30, "quarantine_days": 7, "profiles_days": 100}
    }
    for name in ("loans", "cards"):
        for age in (7, 8, 30, 31, 100, 101):
            day = days_ago(age)
            for path in (
                f"snapshots/features/{day}/manifest.json",
                f"snapshots/features/{day}/1.parquet",
                f"label_arrivals/{day}/1.parquet",
                f"quarantine/features/{day}/1.parquet",
                f"profiles/{day}.parquet",
                f"outcomes/{day}.parquet",
                f"quality/{day}.json",
                f"reference/abc/snapshots/features/{day}/1.parquet",
                f"reference/abc/profiles/{day}.parquet",
                "reference/abc/grid.json",
            ):
                world.lake.write(f"{name}/{path}", b"")


def test_partitions_expire_the_day_after_their_last(world: World) -> None:
    from monitoring_dagster.telemetry.retention import expired

    fill(world)
    beyond = {
        "snapshots/features": (31, 100, 101),
        "label_arrivals": (31, 100, 101),
        "reference/abc/snapshots/features": (31, 100, 101),
        "quarantine/features": (8, 30, 31, 100, 101),
    }
    folders = [f"loans/{at}/{days_ago(age)}" for at, ages in beyond.items() for age in ages]
    files = [
        f"loans/{name}"
        for name in (
            f"profiles/{days_ago(101)}.parquet",
            f"outcomes/{days_ago(101)}.parquet",
            f"quality/{days_ago(101)}.json",
        )
    ]
    assert expired(world.lake, world.monitor, TODAY) == sorted(folders + files)


def test_sweeping_drops_what_expired_and_nothing_else_and_may_be_repeated(world: World) -> None:
    from monitoring_dagster.telemetry.retention import expired, sweep

    fill(world)
    before = world.lake.list()
    partitions = expired(world.lake, world.monitor, TODAY)
    assert world.lake.list() == before
    assert sweep(world.lake, world.monitor, TODAY) == partitions
    gone = set(before) - set(world.lake.list())
    assert gone == {p for p in before if any(f"{p}/".startswith(f"{x}/") for x in partitions)}
    assert not any(path.startswith("cards/") for path in gone)
    assert sweep(world.lake, world.monitor, TODAY) == []
