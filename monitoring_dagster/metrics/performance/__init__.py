"""How well it was predicted: outcomes to measurements, one package per task.

Everything is computed from counts and sums, never from rows. What the values mean for anybody
is decided elsewhere.
"""

from monitoring_dagster.metrics.performance.families import Performance, measure

__all__ = ["Performance", "measure"]
