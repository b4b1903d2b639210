"""Data quality: what a day's snapshots must be like, whether they are, and what follows.

How a distribution moved is drift; which rows a snapshot refuses is the contract's matter.
"""

from monitoring_dagster.telemetry.quality.checking import check
from monitoring_dagster.telemetry.quality.implied import expectations
from monitoring_dagster.telemetry.quality.report import CheckOutcome, QualityReport

__all__ = ["CheckOutcome", "QualityReport", "check", "expectations"]
