"""monitoring-dagster: watches machine-learning models in production.

A day of telemetry walks through the rooms of this package in order: `monitors`, `telemetry`,
`profiles`, `metrics`; `store` remembers, `reports` shows. Dagster is known only to
`resources`, `definitions`, `cli` and the top-level packages `assets` and `sensors`.
"""
