"""The catalogue of drift measures, by the kind of column that they are about.

What a measure computes is in the file of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monitoring_dagster.metrics.drift.chi_square import chi_square
from monitoring_dagster.metrics.drift.comparison import Comparison
from monitoring_dagster.metrics.drift.cramers_v import cramers_v
from monitoring_dagster.metrics.drift.hellinger import hellinger
from monitoring_dagster.metrics.drift.jensen_shannon import jensen_shannon
from monitoring_dagster.metrics.drift.kolmogorov_smirnov import kolmogorov_smirnov
from monitoring_dagster.metrics.drift.l_infinity import l_infinity
from monitoring_dagster.metrics.drift.mean_change import mean_change
from monitoring_dagster.metrics.drift.null_rate_change import null_rate_change
from monitoring_dagster.metrics.drift.psi import psi
from monitoring_dagster.metrics.drift.total_variation import total_variation
from monitoring_dagster.metrics.drift.variance_ratio import variance_ratio
from monitoring_dagster.metrics.drift.wasserstein import wasserstein
from monitoring_dagster.metrics.drift.wasserstein_scaled import wasserstein_scaled
from monitoring_dagster.metrics.measurement import Estimate

Metric = Callable[[Comparison], Estimate]

OF_ROWS: Mapping[str, Metric] = {"null_rate_change": null_rate_change}
"""Measures that count rows, and so have a value where a column has none."""

NUMERIC: Mapping[str, Metric] = {
    "kolmogorov_smirnov": kolmogorov_smirnov,
    "wasserstein": wasserstein,
    "wasserstein_scaled": wasserstein_scaled,
    "psi": psi,
    "jensen_shannon": jensen_shannon,
    "hellinger": hellinger,
    "mean_change": mean_change,
    "variance_ratio": variance_ratio,
}

CATEGORICAL: Mapping[str, Metric] = {
    "jensen_shannon": jensen_shannon,
    "psi": psi,
    "l_infinity": l_infinity,
    "total_variation": total_variation,
    "hellinger": hellinger,
    "chi_square": chi_square,
    "cramers_v": cramers_v,
}

REGISTRY: Mapping[str, Metric] = {**NUMERIC, **CATEGORICAL, **OF_ROWS}
