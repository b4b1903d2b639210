"""The bare scan: DuckDB looks at every value of a file once. `python run_bare.py FILE`.

Count, sum, minimum and maximum of each number, and the count of each category, at DuckDB's
default settings; what a profile cannot do without.
"""

from __future__ import annotations

import sys

import duckdb


def main() -> None:
    """Scan the file named on the command line."""
    db = duckdb.connect()
    file = db.read_parquet(sys.argv[1])
    asked = [
        f"count({name}), sum({name}), min({name}), max({name})"
        if kind == "DOUBLE"
        else f"count({name})"
        for name, kind in zip(file.columns, map(str, file.types), strict=True)
        if name != "id"
    ]
    print(file.aggregate(", ".join(asked)).fetchall())


if __name__ == "__main__":
    main()
