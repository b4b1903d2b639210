"""Filing: what an action leaves in MLflow of how it was trained, and of what the gate decided.

How MLflow is asked to keep it is `tracking`; plots, report and figures are made in `reviewing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring_dagster.retraining import naming, reviewing
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.process import Trained
from monitoring_dagster.retraining.reviewing import Review
from monitoring_dagster.retraining.tracking import DataWindow, Tracking, data_window, figures_of

LOG = "training.log"


def windows(action: Action, features: Mapping[str, str]) -> list[DataWindow]:
    """The data of training and validation, as the plan names it."""
    return [data_window(action, use, features) for use in ("training", "validation")]


def training(tracking: Tracking, action: Action, trained: Trained) -> None:
    """Keep how the challenger was trained."""
    run = action.mlflow_run
    tracking.log_parameters(run, _parameters(action, trained), action.attempt)
    figures = {naming.legal_name("trainer", name): at for name, at in trained.metrics.items()}
    tracking.log_figures(action, run, figures)
    plan = json.dumps(action.plan, indent=1, sort_keys=True)
    tracking.keep(run, {LOG: trained.log, "plan.json": plan})


def review(tracking: Tracking, found: Review, model_id: str) -> None:
    """Keep the decision where the ML team reviews it.

    Args:
        tracking: the runs.
        found: what is reviewed.
        model_id: MLflow's id of the challenger, on whose page its figures are shown.
    """
    action, decision = found.action, found.gated.decision
    run = action.mlflow_run
    tracking.log_figures(action, run, figures_of(decision), model_id or None)
    tracking.keep(run, reviewing.files(found))
    tracking.tell(
        run,
        {
            "decision": "passed" if decision.is_passed else "refused",
            "because": decision.because,
            "challenger": action.challenger,
            "champion": action.champion,
        },
    )
    verdict = "passed the gate" if decision.is_passed else "did not pass the gate"
    version = f"Version {action.challenger} {verdict}: {decision.because}"
    tracking.describe(run, f"{version}\n\nAsked for because {action.evidence}")
    tracking.end(run, "FINISHED", found.written_at)


def facts(action: Action) -> dict[str, str]:
    """What the training can be repeated with, and what was left out, for the report."""
    plan = action.plan
    trained: Mapping[str, Any] = plan.get("trained", {})
    found = {
        "Trainer": plan.get("trainer"),
        "Seed": plan.get("seed"),
        "Parameters": ", ".join(f"{k}={v}" for k, v in plan.get("parameters", {}).items()),
        "Window": plan.get("window"),
        "Configuration": action.config_hash,
        "Trained in": f"{trained['seconds']} s" if "seconds" in trained else None,
        "Features left out": _listed(
            f"{k} ({why})" for k, why in trained.get("left_out", {}).items()
        ),
        "Rows": _listed(trained.get("notes", ())),
    }
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _parameters(action: Action, trained: Trained) -> dict[str, object]:
    plan = action.plan
    told = {name: plan.get(name) for name in ("trainer", "window", "seed", "half_life_days")}
    return {
        **{name: value for name, value in told.items() if value is not None},
        **_ends(plan, "training"),
        **_ends(plan, "validation"),
        "training.rows": plan["training_rows"],
        "excluded_days": len(plan.get("excluded", ())),
        "config_hash": action.config_hash,
        **{f"trainer.{name}": value for name, value in plan.get("parameters", {}).items()},
        **{f"note.{name}": value for name, value in trained.notes.items()},
        **{f"package.{name}": version for name, version in trained.packages.items()},
        **{f"platform.{name}": value for name, value in trained.platform.items()},
    }


def _ends(plan: Mapping[str, Any], use: str) -> dict[str, str]:
    days: Sequence[Mapping[str, Any]] = plan[use]
    if not days:
        return {}
    return {f"{use}.first_day": days[0]["day"], f"{use}.last_day": days[-1]["day"]}


def _listed(texts: Any) -> str:
    return "; ".join(texts)
