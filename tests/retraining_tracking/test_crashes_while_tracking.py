"""Whatever call to MLflow is the last one before a crash, the next attempt ends alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster.failpoints import VARIABLE, FailpointReached
from monitoring_dagster.retraining.registering import ModelRegistry
from monitoring_dagster.retraining.tracking import Tracking
from tests.retraining_tracking.acting import Place, action, track

IN_ORDER = (
    "tracking.experiment_created",
    "tracking.run_created",
    "tracking.parameters_logged",
    "tracking.inputs_logged",
    "registry.model_created",
    "registry.model_uploaded",
    "registry.model_ready",
    "registry.name_created",
    "registry.version_created",
    "registry.alias_moved",
    "tracking.figures_logged",
    "tracking.files_kept",
    "tracking.run_ended",
    "registry.alias_dropped",
)


class Crash(Exception):
    """The process is gone."""


@dataclass
class Dying:
    """A client whose process dies when so many calls are done; their effects stay."""

    client: Any
    calls_left: int
    done: int = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.client, name)

        def counted(*args: Any, **more: Any) -> Any:
            answer = call(*args, **more)
            self.done += 1
            if self.done == self.calls_left:
                raise Crash(name)
            return answer

        return counted


def state(place: Place, monitor: str) -> dict[str, Any]:
    """All that MLflow holds of a monitor, without ids and instants."""
    client = place.tracking().client
    experiment = client.get_experiment_by_name(f"monitoring/{monitor}").experiment_id
    runs = client.search_runs([experiment])
    models = client.search_logged_models([experiment])
    versions = client.search_model_versions(f"name = '{monitor}'")
    of = {run.info.run_id: number for number, run in enumerate(runs)}
    named = {model.model_id: number for number, model in enumerate(models)}
    return {
        "runs": [
            (
                run.info.status,
                {n: v for n, v in run.data.tags.items() if "loggedModels" not in n},
                run.data.params,
                {n: len(client.get_metric_history(run.info.run_id, n)) for n in run.data.metrics},
                sorted(each.dataset.digest for each in run.inputs.dataset_inputs),
                [named[each.model_id] for each in run.outputs.model_outputs],
                sorted(file.path for file in client.list_artifacts(run.info.run_id)),
            )
            for run in runs
        ],
        "models": [
            (
                model.status,
                model.params,
                model.tags["mlflow.modelVersions"],
                len(model.metrics or []),
            )
            for model in models
        ],
        "versions": [
            (str(v.version), of[v.run_id], named[v.tags["monitoring.model"]], sorted(v.tags))
            for v in versions
        ],
        "aliases": {n: str(v) for n, v in client.get_registered_model(monitor).aliases.items()},
    }


def settled(state: dict[str, Any], monitor: str) -> str:
    """The state as text, in which the monitor's name and ids do not tell two monitors apart."""
    text = repr(state).replace(monitor, "MONITOR")
    for _, tags, *_ in state["runs"]:
        text = text.replace(tags["monitoring.action"], "REF")
    return text


def test_a_crash_after_any_call_leaves_what_the_next_attempt_completes(
    embedded: Place, model_dir: Path
) -> None:
    tracking, registry = embedded.tracking(), embedded.registry()
    whole = Dying(tracking.client, 0)
    track(
        Tracking(whole, embedded.artifacts),
        ModelRegistry(whole, is_server=False),
        action(monitor="m0"),
        model_dir,
    )
    wanted = settled(state(embedded, "m0"), "m0")
    assert whole.done > 20
    for number in range(1, whole.done + 1):
        of = action(monitor=f"m{number}", ref=f"RT-{number:06d}")
        dying = Dying(tracking.client, number)
        with pytest.raises(Crash):
            track(
                Tracking(dying, embedded.artifacts),
                ModelRegistry(dying, is_server=False),
                of,
                model_dir,
            )
        track(tracking, registry, of, model_dir)
        assert settled(state(embedded, of.monitor), of.monitor) == wanted, f"after call {number}"


def test_attempts_that_die_one_effect_after_the_other_end_in_one_run_and_one_version(
    embedded: Place, model_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking, registry = embedded.tracking(), embedded.registry()
    for name in IN_ORDER:
        monkeypatch.setenv(VARIABLE, f"{name}=raise")
        with pytest.raises(FailpointReached, match=name):
            track(tracking, registry, action(), model_dir)
    monkeypatch.delenv(VARIABLE)
    track(tracking, registry, action(), model_dir)
    found = state(embedded, "flights")
    assert [len(found[kind]) for kind in ("runs", "models", "versions")] == [1, 1, 1]
    assert found["aliases"] == {"champion": "1"}


def test_a_crash_while_registering_on_a_server_leaves_one_version(
    mlflow_url: str, monitor: str, model_dir: Path
) -> None:
    place = Place(mlflow_url, None)
    client = place.tracking().client
    for number in (9, 11, 13, 15):
        dying = Dying(client, number)
        with pytest.raises(Crash):
            track(
                Tracking(dying),
                ModelRegistry(dying, is_server=True),
                action(monitor=monitor),
                model_dir,
            )
    track(place.tracking(), place.registry(), action(monitor=monitor), model_dir)
    found = state(place, monitor)
    assert [len(found[kind]) for kind in ("runs", "models", "versions")] == [1, 1, 1]
    assert found["aliases"] == {"champion": "1"}
