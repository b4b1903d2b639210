"""Broken monitors: documents that cannot be used show as a failing check of the location."""

from collections.abc import Sequence

import dagster as dg

from assets.metadata import as_metadata
from monitoring_dagster.monitors.contract import content_hash
from monitoring_dagster.monitors.loader import Problem

LOCATION = dg.AssetKey(["location", "monitors"])
CHECK = "documents_are_valid"


def broken_monitors(problems: Sequence[Problem]) -> dg.Definitions:
    """An asset for the documents, its check, and the sensor that evaluates it on every load."""
    texts = [str(problem) for problem in problems]
    figures = {"problems": len(texts), "what to mend": "\n".join(texts) or "nothing"}

    @dg.asset_check(
        asset=LOCATION, name=CHECK, description="Every YAML document describes a monitor."
    )
    def _check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=not texts, metadata=as_metadata(figures))

    @dg.sensor(
        name="broken_monitors",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Evaluates the check of the documents whenever they change.",
    )
    def _sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        state = content_hash(texts)
        if context.cursor == state:
            return dg.SkipReason(f"{len(texts)} problems, as before")
        return dg.SensorResult(
            cursor=state,
            asset_events=[
                dg.AssetCheckEvaluation(
                    asset_key=LOCATION,
                    check_name=CHECK,
                    passed=not texts,
                    metadata=as_metadata(figures),
                )
            ],
        )

    documents = dg.AssetSpec(
        LOCATION,
        group_name="location",
        description="The monitors' YAML documents; a broken one stops its own monitor only.",
        kinds={"yaml"},
    )
    return dg.Definitions(assets=[documents], asset_checks=[_check], sensors=[_sensor])
