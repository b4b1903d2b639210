"""A day larger than memory would like: bounded by the batch and the grid, not by the rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROWS, COLUMNS = 5_000_000, 30
LIMIT_BYTES = 1_500_000_000

WRITE = """
import duckdb, sys
rows, folder, day, columns = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
numbers = ", ".join(f"random() * {i + 1} AS x{i}" for i in range(columns - 6))
duckdb.sql("SET memory_limit = '600MB'; SET preserve_insertion_order = false")
duckdb.sql(f'''COPY (SELECT range AS request, TIMESTAMPTZ '{day} 00:00:00+00' AS asked_at,
  {numbers}, 'c' || (range % 700) AS city, 'r' || (range % 5) AS region, random() AS probability,
  random() < .3 AS decision FROM range({rows})) TO '{folder}/{day}.parquet' (FORMAT parquet)''')
"""

RUN = """
import sys
from monitoring_dagster.cli import main
try:
    main(["run", "big", "--from", "2026-01-08", "--to", "2026-01-08"])
except SystemExit as exit:
    assert exit.code == 0, exit.code
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print("PEAK", int(peak.split()[1]) * 1024)
"""


def document() -> str:
    numbers = "\n".join(f"  x{i}: {{role: feature, type: number}}" for i in range(COLUMNS - 6))
    return f"""\
schema_version: 1
name: big
owner: team:tests
model: {{task: binary}}
telemetry:
  features: {{kind: parquet, path: "telemetry/{{date}}.parquet"}}
  predictions: {{kind: parquet, path: "telemetry/{{date}}.parquet"}}
columns:
  request: {{role: id, type: integer}}
  asked_at: {{role: timestamp, in: [features, predictions]}}
{numbers}
  city: {{role: feature, type: category}}
  region: {{role: segment}}
  probability: {{role: score}}
  decision: {{role: prediction, type: boolean}}
reference: {{first_day: 2026-01-07, last_day: 2026-01-07}}
first_day: 2026-01-08
segments: [{{columns: [region]}}]
"""


def test_a_day_of_five_million_rows_passes_in_bounded_memory(tmp_path: Path) -> None:
    (tmp_path / "monitors").mkdir()
    (tmp_path / "monitors/big.yaml").write_text(document())
    (tmp_path / "telemetry").mkdir()
    for rows, day in ((50_000, "2026-01-07"), (ROWS, "2026-01-08")):
        python([WRITE, str(rows), str(tmp_path / "telemetry"), day, str(COLUMNS)], tmp_path)
    output = python([RUN], tmp_path)
    peak = int(output.split("PEAK")[1])
    assert peak < LIMIT_BYTES, f"{peak / 1e9:.2f} GB"


def python(script: list[str], home: Path) -> str:
    code, *arguments = script
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=Path(__file__).parents[2],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(home),
            "MONITORING_DAGSTER_HOME": str(home),
            "MONITORING_DAGSTER_MONITORS": str(home / "monitors"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout
