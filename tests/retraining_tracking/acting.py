"""What the tests of tracking track: an action, its data, its decision; and all that a run does."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitoring_dagster.retraining.action import Action, ActionKind, Status, Why
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Decision, Outcome
from monitoring_dagster.retraining.registering import ModelRegistry, Registered
from monitoring_dagster.retraining.tracking import DataWindow, Tracking, figures_of

NOW = dt.datetime(2026, 3, 2, 9, 30, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Place:
    """Where an MLflow is."""

    uri: str
    artifacts: str | None

    def tracking(self) -> Tracking:
        return Tracking.at(self.uri, self.artifacts)

    def registry(self) -> ModelRegistry:
        return ModelRegistry.at(self.uri)


def action(**more: Any) -> Action:
    given: dict[str, Any] = {
        "ref": "RT-7F3A9C",
        "monitor": "flights",
        "kind": ActionKind.RETRAINING,
        "why": Why.HARM,
        "evidence": "errors have risen: log_loss is 0.52, 0.43 to 0.47 without any change",
        "requested_at": dt.datetime(2013, 7, 10, 8, 0, tzinfo=dt.UTC),
        "requested_by": "monitoring-dagster",
        "written_at": NOW,
        "status": Status.RUNNING,
        "attempt": 1,
        "run_id": "0f3c",
        "config_hash": "c0ffee",
        "champion": "3",
        "challenger": "4",
    }
    return Action(**{**given, **more})


def check(kind: CheckKind = CheckKind.PRIMARY, **more: Any) -> Check:
    given: dict[str, Any] = {
        "kind": kind,
        "metric": "roc_auc",
        "segment": "all",
        "champion": 0.641,
        "challenger": 0.702,
        "gain": 0.061,
        "low": 0.048,
        "high": 0.074,
        "required": 0.0,
        "rows": 24_100,
        "days": 28,
        "outcome": Outcome.PASSED,
        "is_needed": True,
        "text": "roc_auc rises by 0.061 (0.048 to 0.074), required is more than 0",
    }
    return Check(**{**given, **more})


def decision(*checks: Check) -> Decision:
    return Decision(checks or (check(),), "2013-06-12", "2013-07-09", 24_100, 0.95)


def windows() -> list[DataWindow]:
    columns = {"hour": "double", "carrier": "string"}
    return [
        DataWindow("training", "flights", ["a1", "b2"], ["2013-06-10", "2013-06-11"], 900, columns),
        DataWindow("validation", "flights", ["c3"], ["2013-06-12"], 400, columns),
    ]


def track(
    tracking: Tracking, registry: ModelRegistry, of: Action, model_dir: Path
) -> tuple[str, Registered]:
    """Everything that a retraining asks of MLflow, in its order."""
    run_id = tracking.run_of(of, now=NOW, incident="INC-4821", dagster_url="http://127.0.0.1:3000")
    tracking.log_parameters(run_id, {"seed": 7, "package.numpy": "2.4.0"}, of.attempt)
    tracking.log_inputs(run_id, windows())
    kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    tracking.log_figures(of, run_id, figures_of(decision()), kept.model_id)
    tracking.keep(run_id, {"decision.json": "{}", "plots/roc.svg": b"<svg/>"})
    tracking.tell(run_id, {"decision": "passed"})
    tracking.end(run_id, "FINISHED", NOW)
    registry.move_alias(of.monitor, "champion", kept.version)
    registry.drop_alias(of.monitor, "challenger", kept.version)
    return run_id, kept


def save_model(folder: Path) -> Path:
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    rows = pd.DataFrame({"a": np.arange(100.0) % 7, "b": np.arange(100.0) % 3})
    model = LogisticRegression().fit(rows, (rows["a"] > 3).astype(int))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, not ours
        import mlflow.sklearn
        from mlflow.models import infer_signature

        mlflow.sklearn.save_model(
            model,
            str(folder),
            signature=infer_signature(rows, model.predict_proba(rows)),
            serialization_format="skops",
            pip_requirements=["scikit-learn"],
        )
    return folder
