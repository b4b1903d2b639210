"""What every measurement would be without any change: learned once from the reference's own days.

Which deviations matter is decided elsewhere; here is only how far chance alone reaches.
"""

from monitoring_dagster.decisions.noise.against import Against
from monitoring_dagster.decisions.noise.noise import Noise

__all__ = ["Against", "Noise"]
