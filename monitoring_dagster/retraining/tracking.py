"""MLflow runs of actions: one per action, with what it was asked because of and what came of it.

Counts, names, digests and figures only; no row of telemetry goes there. Every call can be made
again after a crash and leaves the same run. Versions and aliases of models are `registering`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from monitoring_dagster.failpoints import failpoint
from monitoring_dagster.notifications import wording
from monitoring_dagster.retraining import naming
from monitoring_dagster.retraining.action import Action
from monitoring_dagster.retraining.connecting import answered, connect, patiently, reached
from monitoring_dagster.retraining.gate.decision import Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ACTION = "monitoring.action"
"""Tag of runs, models and versions: the action's ref, by which they are found again."""

DESCRIPTION = "mlflow.note.content"
"""Tag that MLflow shows as the run's description."""

FEWEST_ROWS = 10
"""What fewer rows say is not released."""

_DIGEST = 32
_ALREADY = "RESOURCE_ALREADY_EXISTS"


@dataclass(frozen=True)
class DataWindow:
    """The rows of one use of the data, by what identifies them.

    Args:
        use: what they are for.
        name: such as `flights, 1 Jan-28 Feb 2013`.
        snapshots: SHA-256 of every snapshot that they come from, in the order of the days.
        days: the days, ISO, in order.
        rows: labelled rows.
        columns: type by name, as the trainer gets them: `double`, `string` or `boolean`.
    """

    use: Literal["training", "validation"]
    name: str
    snapshots: Sequence[str]
    days: Sequence[str]
    rows: int
    columns: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Identity of the rows: the same snapshots in the same order give the same one."""
        return hashlib.sha256("\n".join(self.snapshots).encode()).hexdigest()[:_DIGEST]


@dataclass(frozen=True)
class Tracking:
    """The runs of a deployment's actions.

    Args:
        client: of MLflow.
        artifacts: URL at which new experiments keep their files; None where a server decides.
    """

    client: MlflowClient
    artifacts: str | None = None

    @classmethod
    def at(cls, uri: str, artifacts: str | None = None) -> Tracking:
        """The runs at one address.

        Raises:
            RegistryUnavailable: it cannot be reached.
        """
        return cls(connect(uri), artifacts)

    def run_of(
        self, action: Action, *, now: dt.datetime, incident: str = "", dagster_url: str = ""
    ) -> str:
        """The id of the action's run, which is made or taken up again.

        Where a lost answer left two, the older counts.

        Args:
            action: its ref identifies the run.
            now: when the run begins, by the wall clock.
            incident: ref of the incident behind it.
            dagster_url: address of Dagster's pages.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.entities import RunTag

        tags = _tags(action, incident, dagster_url)
        with reached():
            experiment = self._experiment(action.monitor)
            found = self._found(experiment, action.ref)
            if found is None:
                made = self.client.create_run(
                    experiment, int(now.timestamp() * 1_000), tags, run_name=action.ref
                )
                failpoint("tracking.run_created")
                return answered(made.info.run_id, "run")
            run_id = found.info.run_id
            if found.info.status != "RUNNING":
                self.client.update_run(run_id, status="RUNNING")
            self.client.log_batch(run_id, tags=[RunTag(*tag) for tag in tags.items()])
        return run_id

    def log_parameters(self, run_id: str, parameters: Mapping[str, object], attempt: int) -> None:
        """Keep what the training was given: window, days, seed, trainer, versions of packages.

        MLflow does not let a parameter change. What another attempt was given differently, such
        as a package that was upgraded in between, stands beside it under the attempt's name.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.entities import Param

        with reached():
            kept = self.client.get_run(run_id).data.params
            new: dict[str, str] = {}
            for given, value in parameters.items():
                name, text = naming.legal_name(given), naming.parameter(value)
                if kept.get(name, text) != text:
                    name = naming.legal_name(given, f"attempt {attempt}")
                if name not in kept:
                    new[name] = text
            self.client.log_batch(run_id, params=[Param(*each) for each in new.items()])
        failpoint("tracking.parameters_logged")

    def log_inputs(self, run_id: str, windows: Sequence[DataWindow]) -> None:
        """Keep which data it was trained and judged on: names, digests and columns, no rows.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        inputs = [
            DatasetInput(
                Dataset(
                    naming.cut(window.name, naming.MOST_OF_A_NAME),
                    window.digest,
                    "monitoring-dagster",
                    json.dumps({"snapshots_sha256": window.digest}),
                    json.dumps({"mlflow_colspec": _columns(window)}),
                    json.dumps(_profile(window)),
                ),
                [InputTag("mlflow.data.context", window.use)],
            )
            for window in windows
        ]
        with reached():
            self.client.log_inputs(run_id, inputs)
        failpoint("tracking.inputs_logged")

    def log_figures(
        self, action: Action, run_id: str, figures: Mapping[str, float], model_id: str | None = None
    ) -> None:
        """Keep metrics; what is not finite says nothing and is left out.

        All have the instant at which the action was written, and the attempt as their step: logged
        again they are the same. Of another attempt, whose timings may differ, MLflow would take the
        largest value for the latest, or refuse it, if the step did not tell them apart.

        Args:
            action: whose run it is.
            run_id: of `run_of`.
            figures: by name, as `figures_of` and `naming.legal_name` give them.
            model_id: the logged model that the challenger's are about, to be shown on its page.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.entities import Metric

        at = int(action.written_at.timestamp() * 1_000)
        metrics = [
            Metric(name, value, at, action.attempt, model_id=_of_challenger(name, model_id))
            for name, value in figures.items()
            if math.isfinite(value)
        ]
        with reached():
            self.client.log_batch(run_id, metrics=metrics)
        failpoint("tracking.figures_logged")

    def keep(self, run_id: str, files: Mapping[str, bytes | str]) -> None:
        """Upload files to the run: the report, the plots, the decision, the end of the log.

        Args:
            run_id: of `run_of`.
            files: content by path below the run, such as `plots/roc.svg`; replaces what is there.

        Raises:
            RegistryUnavailable: MLflow or the place of its files does not answer.
            RegistryRefused: it does, and does not do this.
        """
        with tempfile.TemporaryDirectory(prefix="run-") as folder:
            for path, content in files.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content if isinstance(content, bytes) else content.encode())
            with reached(), patiently():
                self.client.log_artifacts(run_id, folder)
        failpoint("tracking.files_kept")

    def tell(self, run_id: str, facts: Mapping[str, object]) -> None:
        """Set tags `monitoring.*` of the run, such as its decision; what was there is replaced.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        from mlflow.entities import RunTag

        tags = [RunTag(f"monitoring.{name}", naming.tag(value)) for name, value in facts.items()]
        with reached():
            self.client.log_batch(run_id, tags=tags)

    def describe(self, run_id: str, text: str) -> None:
        """What the run's page says first: paragraphs, whose characters are shown as they are.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        with reached():
            self.client.set_tag(run_id, DESCRIPTION, naming.markdown(text))

    def end(
        self, run_id: str, outcome: Literal["FINISHED", "FAILED", "KILLED"], now: dt.datetime
    ) -> None:
        """Mark the run as over.

        Raises:
            RegistryUnavailable: MLflow does not answer.
            RegistryRefused: it does, and does not do this.
        """
        with reached():
            self.client.set_terminated(run_id, outcome, int(now.timestamp() * 1_000))
        failpoint("tracking.run_ended")

    def _found(self, experiment: str, ref: str) -> Run | None:
        runs = self.client.search_runs([experiment], f"tags.`{ACTION}` = '{ref}'")
        return min(runs, key=lambda run: (run.info.start_time, run.info.run_id), default=None)

    def _experiment(self, monitor: str) -> str:
        """The id of the monitor's experiment; one that somebody deleted is brought back."""
        from mlflow.exceptions import MlflowException

        name = f"monitoring/{monitor}"
        found = self.client.get_experiment_by_name(name)
        if found is None:
            # The kind that MLflow's pages give to experiments in which models are trained.
            tags = {"mlflow.experimentKind": "custom_model_development"}
            try:
                made = self.client.create_experiment(name, self.artifacts, tags)
                failpoint("tracking.experiment_created")
                return answered(made, "experiment")
            except MlflowException as error:
                found = self.client.get_experiment_by_name(name)
                if error.error_code != _ALREADY or found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return answered(found.experiment_id, "experiment")


def data_window(
    action: Action, use: Literal["training", "validation"], columns: Mapping[str, str]
) -> DataWindow:
    """The data that the action's plan names for one use.

    Args:
        action: its plan names days, snapshots and rows.
        use: which of them.
        columns: type by name, as the trainer gets them.
    """
    planned: Sequence[Mapping[str, Any]] = action.plan[use]
    days = [str(each["day"]) for each in planned]
    digests = [digest for each in planned for _, digest in sorted(each["digests"].items())]
    span = wording.days(*map(dt.date.fromisoformat, (days[0], days[-1]))) if days else "no days"
    rows = sum(int(each["labelled"]) for each in planned)
    return DataWindow(use, f"{action.monitor}, {span}", digests, days, rows, columns)


def figures_of(decision: Decision) -> dict[str, float]:
    """The figures of a decision's checks by metric name, both models' and the gain's.

    Checks of fewer than 10 rows are left out; those of none tell of no rows, such as of latency.
    """
    found: dict[str, float | None] = {}
    for check in decision.checks:
        if 0 < check.rows < FEWEST_ROWS:
            continue
        segment = [] if check.segment == "all" else [check.segment]
        about = (check.kind.value, check.metric, *segment)
        found[naming.legal_name(naming.CHAMPION, *about)] = check.champion
        found[naming.legal_name(naming.CHALLENGER, *about)] = check.challenger
        found[naming.legal_name("gain", *about)] = check.gain
    return {name: value for name, value in found.items() if value is not None}


def _of_challenger(name: str, model_id: str | None) -> str | None:
    return model_id if name.startswith(f"{naming.CHALLENGER}/") else None


def _tags(action: Action, incident: str, dagster_url: str) -> dict[str, str]:
    page = f"{dagster_url}/runs/{action.run_id}" if dagster_url and action.run_id else ""
    told: dict[str, object] = {
        ACTION: action.ref,
        "monitoring.monitor": action.monitor,
        "monitoring.why": action.why.value,
        "monitoring.evidence": action.evidence,
        "monitoring.incident": incident,
        "monitoring.requested_by": action.requested_by,
        "monitoring.requested_at": action.requested_at.isoformat(),
        "monitoring.clock": action.clock,
        "monitoring.config_hash": action.config_hash,
        "monitoring.attempt": action.attempt,
        "monitoring.dagster_run": action.run_id,
        "monitoring.dagster_url": page,
        "mlflow.source.name": "monitoring-dagster",
        "mlflow.source.type": "JOB",
    }
    return {name: naming.tag(value) for name, value in told.items() if value != ""}


def _columns(window: DataWindow) -> list[dict[str, object]]:
    return [
        {"type": kind, "name": naming.cut(name, naming.MOST_OF_A_NAME), "required": True}
        for name, kind in window.columns.items()
    ]


def _profile(window: DataWindow) -> dict[str, object]:
    ends = {"first_day": window.days[0], "last_day": window.days[-1]} if window.days else {}
    return {"num_rows": window.rows, "num_days": len(window.days), **ends}
