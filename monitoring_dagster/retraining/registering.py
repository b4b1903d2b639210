"""Versions of a monitor's model in the MLflow registry, and the aliases that say what each is.

A version is made once per action, however often it is asked for. What a model folder holds is not
read here beyond MLflow's own description; who may become champion is the gate's business.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.retraining import naming
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.connecting import answered, connect, patiently, reached
from monitoring_dagster.retraining.tracking import ACTION

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel

_MODEL = "monitoring.model"
_READY = "READY"
_VERSIONS = "mlflow.modelVersions"
_NOWHERE = frozenset({"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"})


@dataclass(frozen=True)
class Registered:
    """A model in the registry.

    Args:
        version: number of the version, as text.
        model_id: MLflow's id of the model itself, `m-...`; empty where it is not known.
    """

    version: str
    model_id: str


@dataclass(frozen=True)
class ModelRegistry:
    """The versions of a deployment's models.

    Args:
        client: of MLflow.
        is_server: whether a server answers, which links versions and models by itself.
    """

    client: MlflowClient
    is_server: bool

    @classmethod
    def at(cls, uri: str) -> ModelRegistry:
        """The registry at one address.

        Raises:
            RegistryUnavailable: it cannot be reached.
        """
        return cls(connect(uri), uri.startswith(("http://", "https://")))

    def register(self, action: Action, model_dir: Path, *, name: str, run_id: str) -> Registered:
        """Upload a saved model as the run's, and register it as a version with alias `challenger`.

        Where the action has a version already, that one is the result and nothing is uploaded: a
        model that was trained again need not be equal to it, so that what is judged has to be
        read from the registry.

        Args:
            action: its ref identifies the version.
            model_dir: a folder with the file `MLmodel`.
            name: of the registered model, as `naming.registered_name` gives it.
            run_id: the action's run.

        Raises:
            RegistryUnavailable: MLflow or the place of its files does not answer.
            RegistryRefused: it does, and does not do this.
        """
        kept = self.registered(action, name)
        if kept is None:
            tags = {
                ACTION: action.ref,
                "monitoring.run": run_id,
                "monitoring.flavour": _flavour(model_dir),
            }
            with reached():
                model = self._uploaded(action, model_dir, run_id, tags)
                kept = Registered(self._version(name, model, run_id, tags), model.model_id)
        self.present(name, kept)
        return kept

    def present(self, name: str, kept: Registered) -> None:
        """Make the version known as the challenger; where it is, nothing is done.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        if kept.model_id:
            with reached():
                self._link(name, kept)
        self.move_alias(name, naming.CHALLENGER, kept.version)

    def registered(self, action: Action, name: str) -> Registered | None:
        """The version that the action has made, or None; the oldest of several.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        with reached():
            # The name may hold what MLflow's filters cannot quote; the ref cannot.
            found = self.client.search_model_versions(f"tags.`{ACTION}` = '{action.ref}'")
        versions = [version for version in found if version.name == name]
        oldest = min(versions, key=lambda version: int(version.version), default=None)
        if oldest is None:
            return None
        return Registered(answered(oldest.version, "version"), oldest.tags.get(_MODEL, ""))

    def version_of(self, name: str, alias: str) -> str | None:
        """The version that holds the alias; None where there is no such model or alias.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.exceptions import MlflowException

        with reached():
            try:
                found = self.client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code in _NOWHERE:
                    return None
                raise
        answered(found.name, "model")
        version = found.aliases.get(alias)
        return None if version is None else str(version)

    def champion_version(self, name: str) -> str | None:
        """The version in production, by the alias `champion`; None where there is none.

        A monitor whose `model.uri` names another alias asks `version_of` for that one.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        return self.version_of(name, naming.CHAMPION)

    def alias_is(self, name: str, alias: str, version: str) -> bool:
        """Whether the version holds the alias.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        return self.version_of(name, alias) == version

    def move_alias(self, name: str, alias: str, version: str) -> None:
        """Give the alias to the version, whoever had it; where it has it, nothing is done.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it knows no such version, or no such alias is possible.
        """
        if self.alias_is(name, alias, version):
            return
        with reached():
            self.client.set_registered_model_alias(name, alias, version)
        failpoint("registry.alias_moved")

    def drop_alias(self, name: str, alias: str, version: str) -> None:
        """Take the alias from the version, if it is that version which has it.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        if not self.alias_is(name, alias, version):
            return
        with reached():
            self.client.delete_registered_model_alias(name, alias)
        failpoint("registry.alias_dropped")

    def _uploaded(
        self, action: Action, model_dir: Path, run_id: str, tags: Mapping[str, str]
    ) -> LoggedModel:
        """The action's model, whole and with all its files."""
        from mlflow.entities import LoggedModelOutput

        run = self.client.get_run(run_id)
        experiment = answered(run.info.experiment_id, "experiment")
        model = self._begun(experiment, action.ref)
        if model is None:
            model = self.client.create_logged_model(
                experiment,
                name=action.monitor,
                source_run_id=run_id,
                tags=dict(tags),
                params=run.data.params,
            )
            failpoint("registry.model_created")
        model_id = answered(model.model_id, "model")
        if model.status != _READY:
            with patiently():
                self.client.log_model_artifacts(model_id, str(model_dir))
            failpoint("registry.model_uploaded")
            self.client.finalize_logged_model(model_id, _READY)
            failpoint("registry.model_ready")
        if model_id not in {output.model_id for output in _outputs(run)}:
            self.client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
        return model

    def _begun(self, experiment: str, ref: str) -> LoggedModel | None:
        """What a former attempt began to upload; one that was uploaded to the end before others."""
        found = self.client.search_logged_models(
            [experiment], filter_string=f"tags.`{ACTION}` = '{ref}'"
        )
        return min(
            found,
            key=lambda m: (m.status != _READY, m.creation_timestamp, m.model_id),
            default=None,
        )

    def _version(self, name: str, model: LoggedModel, run_id: str, tags: Mapping[str, str]) -> str:
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(name)
            failpoint("registry.name_created")
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        # Of a database, MLflow looks a `models:/` source up at its own process-wide address.
        source = f"models:/{model.model_id}" if self.is_server else model.artifact_location
        made = self.client.create_model_version(
            name,
            source,
            run_id=run_id,
            tags={**tags, _MODEL: model.model_id},
            model_id=model.model_id,
            await_creation_for=0,
        )
        failpoint("registry.version_created")
        return answered(made.version, "version")

    def _link(self, name: str, kept: Registered) -> None:
        """Let the model's page name its version; a server does so itself, a database does not."""
        versions = json.dumps([{"name": name, "version": int(kept.version)}])
        self.client.set_logged_model_tags(kept.model_id, {_VERSIONS: versions})


def _outputs(run: Any) -> list[Any]:
    return run.outputs.model_outputs if run.outputs else []


def _flavour(model_dir: Path) -> str:
    """What kind of model it is, by MLflow's description of it.

    Raises:
        FileNotFoundError: the folder holds no `MLmodel`.
    """
    from ruamel.yaml import YAML

    described: Any = YAML(typ="safe", pure=True).load((model_dir / "MLmodel").read_bytes())
    kinds = [str(kind) for kind in described["flavors"] if kind != "python_function"]
    return ", ".join(kinds) or "python_function"
