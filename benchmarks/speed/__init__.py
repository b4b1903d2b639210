"""What the system costs in time and memory, beside a bare scan of the same data and the peers.

Each part is a module with `table() -> Table` and can be run alone, such as
`python -m benchmarks.speed.counting`. Whether alerts are right is `benchmarks.detection`.
"""

PARTS = ("counting", "growth", "backfill", "loading")
"""The modules of a full run in its order; about ten minutes on two processors."""
