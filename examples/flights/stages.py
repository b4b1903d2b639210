"""The stages of the example, in order, and how one is skipped when its output is there.

What a stage does is in `prepare`, `train` and `telemetry`; the system itself is called as a
user would call it, at the command line.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from examples.flights import prepare, telemetry, train, trainer
from monitoring_dagster import settings
from monitoring_dagster.monitors.contract import Monitor, content_hash
from monitoring_dagster.monitors.loader import load_folder
from monitoring_dagster.notifications.variables import MEANING as TELLING
from monitoring_dagster.retraining.succession import Tenure
from monitoring_dagster.store import Store, actions, tenures

REPOSITORY = Path(__file__).resolve().parents[2]
MONITORS = REPOSITORY / "monitors"

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step of the example: what it makes, from what, and how it speaks of it."""

    title: str
    output: Path
    made_from: object
    work: Callable[[telemetry.Report], Facts]
    sentence: str
    speaks_for_itself: bool = False
    """It is a process that shows its own progress."""

    @property
    def recipe(self) -> str:
        """Identity of everything that the output depends on."""
        return content_hash([self.title, self.made_from])

    @property
    def marker(self) -> Path:
        """Written last: without it the output is not complete."""
        return self.output.with_name(f".{self.output.name}.done.json")

    def facts(self) -> Facts | None:
        """What a finished run of this very stage noted, or None."""
        if not (self.output.exists() and self.marker.exists()):
            return None
        noted = json.loads(self.marker.read_text(encoding="utf-8"))
        return noted["facts"] if noted["recipe"] == self.recipe else None

    def run(self, report: telemetry.Report = telemetry.unheard) -> Facts:
        """Do the work, and note that it is done."""
        self.marker.unlink(missing_ok=True)
        self.output.parent.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        facts = {**self.work(report), "seconds": round(time.monotonic() - started, 1)}
        self.marker.write_text(json.dumps({"recipe": self.recipe, "facts": facts}), "utf-8")
        return facts


def monitor() -> Monitor:
    """The monitor of the example, as it is committed."""
    loaded = load_folder(MONITORS)
    if train.MODEL not in loaded.monitors:
        raise SystemExit("\n".join(str(problem) for problem in loaded.problems))
    return loaded.monitors[train.MODEL]


@dataclass(frozen=True)
class Demo:
    """The example in one home folder."""

    home: Path

    @property
    def store_url(self) -> str:
        """Where the measurements of this home are stored."""
        return settings.Settings.from_environment({settings.HOME: str(self.home)}).store_url

    @property
    def flights(self) -> pa.Table:
        """The prepared flights."""
        return pq.read_table(self.home / "flights.parquet")

    def stages(self) -> Iterator[Stage]:
        """The stages in order; each is made when the one before it has finished."""
        watched = monitor()
        data = prepare.source_folder()
        sizes = [(data / name).stat().st_size for name in ("flights.csv.zip", "weather.csv")]
        prepared = Stage(
            "Preparing the flights",
            self.home / "flights.parquet",
            [sizes, _source_of(prepare)],
            self._prepare,
            "{flights:,} flights of 2013, with the weather of their hour",
        )
        yield prepared
        trained = Stage(
            "Training the model",
            self.home / "mlflow",
            [prepared.recipe, _source_of(train)],
            self._train,
            "flight_delay version {version} registered: AUC {march_roc_auc:.3f} on unseen March",
        )
        yield trained
        logged = Stage(
            "Writing telemetry",
            self.home / "telemetry",
            [trained.recipe, _source_of(telemetry), watched.model.threshold],
            lambda report: self._log(trained, watched, report),
            "{files} files of features, predictions and labels, March to December",
        )
        yield logged
        yield Stage(
            "Monitoring",
            self.home / "store.db",
            [logged.recipe, watched.config_hash, _source_of(trainer)],
            lambda _: self._monitor(watched, (trained.facts() or {})["version"]),
            "{days} days monitored, each as of its own next morning; {retrainings} retrainings",
            speaks_for_itself=True,
        )

    def _prepare(self, _: telemetry.Report) -> Facts:
        flights = prepare.flights(prepare.source_folder())
        pq.write_table(flights, self.home / "flights.parquet", compression="zstd")
        return {"flights": flights.num_rows}

    def _train(self, _: telemetry.Report) -> Facts:
        flights = self.flights
        trained = train.train(flights)
        version = train.register(trained, flights, self.home / "mlflow")
        return {"version": version, **trained.metrics}

    def _log(self, trained: Stage, watched: Monitor, report: telemetry.Report) -> Facts:
        version = (trained.facts() or {})["version"]
        return {"files": self._answer(version, _threshold(watched), report=report)}

    def _monitor(self, watched: Monitor, version: str) -> Facts:
        """Live through the year; a retraining that is owed is done before the year goes on."""
        last = watched.last_day or telemetry.LAST_DAY
        self._forget_another_year(watched, version)
        self._command("db", "upgrade", stdout=subprocess.DEVNULL)
        while (first := self._next_day(watched)) <= last:
            self._command("run", watched.name, "--from", f"{first}", "--to", f"{last}", "--replay")
            if (owed := self._owed(watched)) is not None:
                self._retrain(watched, owed)
                self._serve(watched)
        kept = self._store().read(lambda c: actions.of_monitor(c, watched.name))
        return {"days": (last - watched.first_day).days + 1, "retrainings": len(kept)}

    def _retrain(self, watched: Monitor, ref: str) -> None:
        """Do what the sensor of actions launches, and agree where the gate asks for a person."""
        self._command("retraining", "run", watched.name)
        row = self._store().read(lambda c: actions.by_ref(c, ref))
        if row is not None and row.status == "awaiting_approval":
            because = "the example agrees with the gate"
            self._command("retraining", "approve", ref, "--by", "you", "--because", because)
            self._command("retraining", "run", watched.name)
        if self._owed(watched) == ref:
            raise SystemExit(f"{ref} is not decided; `monitoring-dagster retraining show {ref}`")

    def _serve(self, watched: Monitor) -> None:
        """What production would do: from the next day on the champion of the registry answers."""
        rows = self._store().read(lambda c: tenures.of_monitor(c, watched.name))
        if rows and rows[-1].since >= self._next_day(watched):
            now = Tenure.of(rows[-1])
            self._answer(now.model_version, _threshold(watched, now), now.since)

    def _answer(
        self,
        version: str,
        threshold: float,
        first: dt.date = telemetry.FIRST_DAY,
        report: telemetry.Report = telemetry.unheard,
    ) -> int:
        """Let a version answer all flights from a day on; returns the number of files."""
        flights = train.between(self.flights, (first, telemetry.LAST_DAY))
        model = train.registered(self.home / "mlflow", f"models:/{train.MODEL}/{version}")
        return telemetry.write(
            flights,
            train.score(model, flights),
            telemetry.Deployment(version, threshold),
            self.home / "telemetry",
            report=report,
        )

    def scored(self, version: str) -> Callable[[pa.Table], NDArray[np.float64]]:
        """What a registered version answers flights."""
        model = train.registered(self.home / "mlflow", f"models:/{train.MODEL}/{version}")
        return lambda flights: train.score(model, flights)

    def _store(self) -> Store:
        return Store(self.store_url)

    def _owed(self, watched: Monitor) -> str | None:
        row = self._store().read(lambda c: actions.under_way(c, watched.name))
        return None if row is None else row.ref

    def _next_day(self, watched: Monitor) -> dt.date:
        """The first day that was not judged yet."""
        judged = self._store().latest_days(watched.name).get("evaluation")
        return watched.first_day if judged is None else judged + dt.timedelta(days=1)

    def _forget_another_year(self, watched: Monitor, version: str) -> None:
        """Begin anew where the year was lived under another document; else go on with it."""
        lived = self.home / ".lived-under"
        recipe = content_hash([watched.config_hash, _source_of(trainer)])
        if lived.exists() and lived.read_text("utf-8") == recipe:
            return
        for old in (*self.home.glob("store.db*"), *self.home.glob("messages.html")):
            old.unlink()
        for folder in (self.home / "notifications", self.home / "lake" / watched.name):
            shutil.rmtree(folder, ignore_errors=True)
        if lived.exists():  # another champion may have answered since
            train.reinstate(self.home / "mlflow", version)
            self._answer(version, _threshold(watched))
        lived.write_text(recipe, "utf-8")

    def _command(self, *words: str, **streams: Any) -> None:
        command = [sys.executable, "-m", "monitoring_dagster", *words]
        done = subprocess.run(
            command, env=self.environment(), cwd=REPOSITORY, check=False, **streams
        )
        if done.returncode != 0:
            raise SystemExit(done.returncode)

    def environment(self) -> dict[str, str]:
        """The environment of the monitoring process: this home, and nobody else's store.

        What says where messages go is passed on: with a Slack token they go to Slack.
        """
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MONITORING_DAGSTER_") or name.removesuffix("_FILE") in TELLING
        }
        return own | {
            settings.HOME: str(self.home),
            settings.MONITORS: str(MONITORS),
            "DAGSTER_HOME": str(self.home / "dagster"),
            "PYTHONWARNINGS": "ignore",
        }


def _threshold(watched: Monitor, now: Tenure | None = None) -> float:
    """From which score on a flight is called late."""
    own = None if now is None else now.threshold
    threshold = watched.model.threshold if own is None else own
    if threshold is None:
        raise SystemExit(f"{MONITORS / watched.name}.yaml has no model.threshold; add it")
    return threshold


def _source_of(module: Any) -> str:
    return hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()[:16]
