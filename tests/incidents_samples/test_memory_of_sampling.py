"""Memory: a sample of a large day takes as much as that of a small one."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from monitoring_dagster.incidents.sampling.day import Requests, sampled
from monitoring_dagster.incidents.sampling.strata import BECAUSE, Stratum
from monitoring_dagster.monitors.contract import Kind
from monitoring_dagster.telemetry.lake import Lake
from tests.incidents_samples.shop import choice, document, new_in_region

ROWS = 1_000_000
MEGABYTE = 2**20

# Each kind has an order of its own, so that no two batches hold the same requests.
GENERATED = {
    Kind.FEATURES: "'pk1_aaaaaaaaaaaaaaaaaaaaaaaaaa' AS customer, (i % 60)::BIGINT AS age, "
    "i::DOUBLE AS income, CASE WHEN i % 97 = 0 THEN 'moon' ELSE 'north' END AS region",
    Kind.PREDICTIONS: "(i % 1000) / 1000 AS score, '1' AS version",
    Kind.LABELS: "(i % 2)::BIGINT AS outcome",
}


def generated(folder: Path) -> dict[Kind, Path]:
    """The files of a day of a million requests."""
    paths = {kind: folder / f"{kind}.parquet" for kind in Kind}
    with duckdb.connect() as db:
        for seed, (kind, columns) in enumerate(GENERATED.items()):
            db.execute(
                f"COPY (SELECT 'request-' || i AS id, {columns} FROM range({ROWS}) AS r(i) "
                f"ORDER BY hash(i + {seed})) TO '{paths[kind]}' (ROW_GROUP_SIZE 131072)"
            )
    return paths


def test_a_day_of_a_million_requests_is_sampled_in_the_memory_of_a_batch(tmp_path: Path) -> None:
    monitor, paths = document(), generated(tmp_path)
    homes = {name: kind for kind, path in paths.items() for name in pq.read_schema(path).names}
    requests = Requests(monitor, Kind.PREDICTIONS, paths, homes | {"id": Kind.PREDICTIONS})
    pool, before = pa.system_memory_pool(), pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        sample = sampled(
            requests,
            choice(monitor, None, new_in_region(0.0, 0.0, 1.0)),
            Lake(str(tmp_path / "lake")),
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    assert Counter(sample.column(BECAUSE).to_pylist()) == {str(s): 25 for s in Stratum}
    # The ids of all requests alone would take 50 MB as Python objects, and the columns that
    # decide 50 MB in Arrow. What the database takes is bounded by its own limit.
    assert peak < 32 * MEGABYTE
    assert pool.max_memory() < 32 * MEGABYTE
