"""Runs a command and writes what it took: `python run_one.py FIGURES COMMAND ...`.

A process of its own and a small one: Linux counts the memory of whoever starts a process towards
that process's peak.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Run the command, write its figures, and end as it ended."""
    start = time.perf_counter()
    process = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
    _, status, used = os.wait4(process, 0)
    figures = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
    }
    Path(sys.argv[1]).write_text(json.dumps(figures), encoding="utf-8")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
