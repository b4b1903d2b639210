"""Runs one peer in its environment and reads what it wrote."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers.environment import QUIET, python

TOOLS = ("evidently", "nannyml", "whylogs")


class PeerFailed(RuntimeError):
    """A runner ended without a result; the text is the end of what it said."""


def run(
    tool: str, reference: Path, folders: Sequence[Path], *, options: Sequence[str] = ()
) -> pa.Table:
    """What a tool says of every day and column, at its defaults.

    Args:
        tool: one of `TOOLS`.
        reference: Parquet of the reference; a column `day` cuts it into the days that NannyML
            learns its thresholds from.
        folders: each with one Parquet per day, named by it. A day may hold some of the columns
            only, since each of the tools judges a column by itself.
        options: further arguments of the runner.

    Returns:
        A row per folder, day, column and metric, with `value`, `threshold` (null where the tool
        states none), `alert` and `error` (the exception's text where the tool raised).

    Raises:
        PeerFailed: the runner ended without a result.
    """
    runner = Path(__file__).with_name(f"run_{tool}.py")
    result = folders[0].parent / f"{tool}.parquet"
    command = [python(), runner, *options, reference, result, *folders]
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **QUIET},
    )
    if done.returncode:
        raise PeerFailed(f"{tool} ended with {done.returncode}: {done.stderr[-2_000:]}")
    return pq.read_table(result)
