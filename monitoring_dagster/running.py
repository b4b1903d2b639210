"""Running days from a terminal: the same jobs as the daemon's, in processes of our own.

Dagster is imported inside the functions, because the command line imports this module for help.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from monitoring_dagster.errors import DayNotMonitored, MonitoringError
from monitoring_dagster.monitors.calendar import closes_after_days, days_between, taken_at
from monitoring_dagster.monitors.contract import Kind, Monitor
from monitoring_dagster.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

Days = Sequence[dt.date]


class Ran(NamedTuple):
    """What came of running days.

    Args:
        failures: what failed, a text each.
        stopped: the name of the action at which a replay stopped, and the last day before; None
            where it came to its end.
    """

    failures: list[str]
    stopped: tuple[str, dt.date] | None = None


def run_days(monitor: Monitor, first: dt.date, last: dt.date, *, replay: bool) -> Ran:
    """Materialise the days from `first` to `last`.

    Without a reference nothing can be measured, so that no day is run where freezing it failed.
    Stretches of days run side by side, a process for each core; verdicts follow in the order of
    days, since each rests on those before it. With `replay` every day is taken as of its own next
    morning, then again as of when its labels were due, and once more where some came later: as the
    late-labels sensor would have done it. Where an action comes to be owed in a replay, such as a
    retraining, it stops: what the model would have answered afterwards hangs on what is decided.

    Raises:
        DayNotMonitored: the range reaches outside the monitor's days, or is not over yet.
        StoreError, SettingInvalid: there is no place for what would be measured.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from monitoring_dagster.resources import Workplace

    _refuse_unwatched(monitor, first, last)
    stretches = list(_stretches(days_between(first, last)))
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
    )
    dagster_home()
    Workplace().store().check()
    failures = freeze_reference(monitor)
    if failures:
        return Ran(failures)
    with Progress(*columns) as progress:
        bar = progress.add_task(monitor.name, total=sum(map(len, stretches)))
        runs = _Runs(monitor)
        # A replay may stop, so that it measures only so many days ahead as there are processes.
        for ahead in _batches(stretches, _workers(stretches) if replay else len(stretches)):
            for done, failed in _run_stretches(monitor, ahead, replay=replay):
                failures += failed
                progress.update(bar, description=f"{monitor.name} {done[-1]:%B %Y}")
                progress.advance(bar, len(done))
            for days in ahead:
                runs.evaluation(days, "replay+0" if replay else None)
                if replay and (owed := _owed(monitor)):
                    return Ran(failures + runs.failures, owed)
        if replay:
            # What labels said of the last days, and days after them that were judged before.
            runs.evaluation(stretches[-1][-1:], "closing")
            runs.evaluation(stretches[-1][-1:], None)
    return Ran(failures + runs.failures)


def _owed(monitor: Monitor) -> tuple[str, dt.date] | None:
    """The action that a replay stops for, and the last day that was evaluated."""
    from monitoring_dagster.resources import Workplace
    from monitoring_dagster.retraining.reconciling import is_waited_for
    from monitoring_dagster.retraining.rows import action_of
    from monitoring_dagster.store import actions

    store = Workplace().store()
    row = store.read(lambda connection: actions.under_way(connection, monitor.name))
    day = store.latest_days(monitor.name).get("evaluation")
    if row is None or day is None:
        return None
    action = action_of(row)
    return (action.ref, day) if is_waited_for(action, monitor, taken_at(monitor, day)) else None


def _batches(stretches: Sequence[list[dt.date]], size: int) -> Iterator[Sequence[list[dt.date]]]:
    return (stretches[i : i + size] for i in range(0, len(stretches), size))


def _workers(stretches: Sequence[Days]) -> int:
    return min(os.cpu_count() or 1, len(stretches))


def run_actions(monitors: Mapping[str, Monitor], only: str | None = None) -> list[str]:
    """Do what the sensor `actions` would launch now, and what follows.

    Args:
        monitors: those of the deployment, by name.
        only: the monitor of which alone it is done.

    Returns:
        How every action that was under way stands now, a sentence each.
    """
    import dagster as dg

    from monitoring_dagster.definitions import build_definitions
    from monitoring_dagster.monitors.loader import Loaded
    from monitoring_dagster.resources import Workplace

    wanted = {name: one for name, one in monitors.items() if only in (None, name)}
    definitions = build_definitions(Loaded(wanted, []))
    sensor = definitions.resolve_sensor_def("actions")
    under_way = _under_way(wanted)
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        while True:
            with dg.build_sensor_context(
                instance=instance, definitions=definitions, resources={"workplace": Workplace()}
            ) as context:
                asked = sensor.evaluate_tick(context).run_requests or []
            if not asked:
                return [_how_it_stands(ref) for ref in under_way]
            for request in asked:
                definitions.resolve_job_def(request.job_name or "").execute_in_process(
                    instance=instance,
                    run_config={**request.run_config, **QUIET},
                    tags=dict(request.tags),
                    raise_on_error=False,
                )


def _under_way(monitors: Collection[str]) -> list[str]:
    """The names of the actions of these monitors that are not over."""
    from monitoring_dagster.resources import Workplace
    from monitoring_dagster.store import actions

    kept = Workplace().store().read(lambda connection: actions.listed(connection, is_over=False))
    return [row.ref for row in kept if row.monitor in monitors]


def _how_it_stands(ref: str) -> str:
    from monitoring_dagster.resources import Workplace
    from monitoring_dagster.store import actions

    row = Workplace().store().read(lambda connection: actions.by_ref(connection, ref))
    if row is None:
        return f"{ref} is gone"
    because = f": {row.because}" if row.because else ""
    return f"{ref} is {row.status.replace('_', ' ')}{because}"


def freeze_reference(monitor: Monitor) -> list[str]:
    """Materialise the reference, so that processes side by side find it frozen."""
    runs = _Runs(monitor)
    runs.reference()
    return runs.failures


def run_stretch(document: str, days: list[dt.date], replay: bool) -> list[str]:
    """Run adjacent days of the monitor in `document` (JSON); returns what failed."""
    runs = _Runs(Monitor.model_validate_json(document))
    runs.daily(days, "replay+0" if replay else None)
    if replay:
        runs.late_labels(days)
    return runs.failures


def _run_stretches(
    monitor: Monitor, stretches: Sequence[list[dt.date]], *, replay: bool
) -> Iterator[tuple[list[dt.date], list[str]]]:
    document = monitor.model_dump_json(by_alias=True)
    workers = _workers(stretches)
    if workers == 1:
        yield from ((days, run_stretch(document, days, replay)) for days in stretches)
        return
    # Read by each process when it loads its libraries: with a process per core, threads beside them
    # only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        running = {pool.submit(run_stretch, document, days, replay): days for days in stretches}
        for done in as_completed(running):
            yield running[done], done.result()


class _Runs:
    """The jobs of one monitor on this machine's Dagster instance, and what failed in them."""

    def __init__(self, monitor: Monitor) -> None:
        import dagster as dg

        from monitoring_dagster.definitions import build_definitions
        from monitoring_dagster.monitors.loader import Loaded

        self.monitor = monitor
        self.definitions = build_definitions(Loaded({monitor.name: monitor}, []))
        self.instance = dg.DagsterInstance.from_config(str(dagster_home()))
        self.failures: list[str] = []

    def reference(self) -> None:
        """Freeze the reference, or look whether it is frozen."""
        self._execute(
            f"{self.monitor.name}_daily",
            {"dagster/partition": self.monitor.first_day.isoformat()},
            asset_selection=[_key(self.monitor, "reference")],
        )

    def daily(self, days: Days, clock: str | None) -> None:
        """Do every stage of each day but its evaluation."""
        self._run(f"{self.monitor.name}_daily", days, clock, self._measuring("daily"))

    def evaluation(self, days: Days, clock: str | None) -> None:
        """Judge each day, in order."""
        self._run(f"{self.monitor.name}_daily", days, clock, [_key(self.monitor, "evaluation")])

    def _measuring(self, job: str) -> list[dg.AssetKey]:
        """The assets of a job that only measure; checks go with what they check."""
        selected = self.definitions.resolve_job_def(f"{self.monitor.name}_{job}")
        everything = set(selected.asset_layer.executable_asset_keys)
        return sorted(everything - {_key(self.monitor, "evaluation")})

    def late_labels(self, days: Days) -> None:
        """Do each day again as of when its labels were due, and as of when they last counted.

        The second time only the days of which labels came later than agreed.
        """
        labels = self.monitor.telemetry.labels
        if labels is None:
            return
        job, selected = f"{self.monitor.name}_late_labels", self._measuring("late_labels")
        self._run(job, days, f"replay+{labels.maturity_days}", selected)
        closing = f"replay+{closes_after_days(self.monitor)}"
        due = self._labels(days)
        self._run(job, days, closing, [_key(self.monitor, "labels")])
        late = [day for day, held in self._labels(days).items() if held != due[day]]
        for stretch in _stretches(late):
            self._run(job, stretch, closing, selected)

    def _labels(self, days: Days) -> dict[dt.date, str]:
        """Which labels each day has."""
        from monitoring_dagster.resources import Workplace

        day = Workplace().day(self.monitor)
        taken = {when: day.manifests(when).get(Kind.LABELS) for when in days}
        return {when: "" if held is None else str(held.sha256) for when, held in taken.items()}

    def _run(
        self, job: str, days: Days, clock: str | None, selected: Sequence[dg.AssetKey]
    ) -> None:
        from monitoring_dagster.resources import CLOCK_TAG

        tags = {
            "dagster/asset_partition_range_start": days[0].isoformat(),
            "dagster/asset_partition_range_end": days[-1].isoformat(),
        } | ({CLOCK_TAG: clock} if clock else {})
        what = f"{self.monitor.name}, {days[0]} to {days[-1]}: "
        self._execute(job, tags, what, asset_selection=selected)

    def _execute(self, job: str, tags: dict[str, str], what: str = "", **selected: Any) -> None:
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            tags=tags,
            run_config=QUIET,
            raise_on_error=False,
            **selected,
        )
        # One cause, such as a store that went away, fails several stages.
        self.failures += [what + text for text in dict.fromkeys(_failures(result))]


def _key(monitor: Monitor, stage: str) -> dg.AssetKey:
    from assets.stage import key

    return key(monitor, stage)


def dagster_home() -> Path:
    """The Dagster home: DAGSTER_HOME, or `dagster` in the deployment's home; made if absent."""
    home = Path(
        os.environ.get("DAGSTER_HOME") or Settings.from_environment().made_home() / "dagster"
    )
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(
            "telemetry:\n  enabled: false\nnux:\n  enabled: false\n", encoding="utf-8"
        )
    os.environ["DAGSTER_HOME"] = str(home)
    return home


def _failures(result: dg.ExecuteInProcessResult) -> Iterator[str]:
    """What failed: errors raised on purpose in their own words, others with the stage's name."""
    for event in result.all_events:
        if event.is_step_failure:
            data: Any = event.step_failure_data
            cause = data.error.cause or data.error if data.error else None
            text = cause.message.strip() if cause else "failed"
            ours = text.removeprefix(f"{MonitoringError.__module__}.")
            yield ours.split(": ", 1)[-1] if ours != text else f"{event.step_key}: {text}"


def _stretches(days: Days) -> Iterator[list[dt.date]]:
    """Runs of adjacent days, cut to what one Dagster run takes.

    >>> days = [dt.date(2026, 1, d) for d in (1, 2, 5)]
    >>> [len(stretch) for stretch in _stretches(days)]
    [2, 1]
    """
    from assets.stage import LONGEST_RUN_DAYS

    stretch: list[dt.date] = []
    for day in days:
        if stretch and ((day - stretch[-1]).days > 1 or len(stretch) == LONGEST_RUN_DAYS):
            yield stretch
            stretch = []
        stretch.append(day)
    if stretch:
        yield stretch


def _refuse_unwatched(monitor: Monitor, first: dt.date, last: dt.date) -> None:
    ends = monitor.last_day or dt.date.max
    if first > last:
        raise DayNotMonitored(f"--from {first} lies after --to {last}; swap them")
    if first < monitor.first_day or last > ends:
        until = "today" if monitor.last_day is None else monitor.last_day
        raise DayNotMonitored(
            f"{monitor.name} watches {monitor.first_day} to {until}, and {first} to {last} reaches "
            "beyond; choose days within, or change first_day and last_day of the monitor"
        )
    if last >= dt.datetime.now(monitor.zone).date():
        raise DayNotMonitored(f"{last} is not over in {monitor.time_zone}; run it tomorrow")
