"""What an MLflow run of an action holds, on a database and on a server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster.retraining.gate.decision import CheckKind
from monitoring_dagster.retraining.naming import legal_name
from monitoring_dagster.retraining.tracking import figures_of
from tests.retraining_tracking.acting import NOW, Place, check, decision, track, windows

Act = Callable[..., Any]
HOSTILE = "<!channel> </td><script>alert(1)</script> `x` $\\alpha$ =1+1 'quoted' \u202e\x00 "


def test_an_action_has_one_run_that_leads_back_to_its_evidence(place: Place, act: Act) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(
        act(), now=NOW, incident="INC-4821", dagster_url="http://127.0.0.1:3000"
    )
    assert tracking.run_of(act(), now=NOW) == run_id
    run = tracking.client.get_run(run_id)
    experiment = tracking.client.get_experiment(run.info.experiment_id)
    assert experiment.name == f"monitoring/{act().monitor}"
    assert run.info.run_name == "RT-7F3A9C"
    tags = {n.removeprefix("monitoring."): v for n, v in run.data.tags.items()}
    assert tags["action"] == "RT-7F3A9C"
    assert tags["incident"] == "INC-4821"
    assert tags["why"] == "harm"
    assert tags["requested_by"] == "monitoring-dagster"
    assert tags["config_hash"] == "c0ffee"
    assert tags["dagster_url"] == "http://127.0.0.1:3000/runs/0f3c"
    assert tags["evidence"] == act().evidence


def test_files_lie_where_the_home_keeps_them(embedded: Place, act: Act, tmp_path: Path) -> None:
    tracking = embedded.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    tracking.keep(run_id, {"plots/roc.svg": b"<svg/>"})
    assert (tmp_path / "artifacts" / run_id / "artifacts/plots/roc.svg").read_bytes() == b"<svg/>"


def test_files_come_back_as_they_were_kept(place: Place, act: Act, tmp_path: Path) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    tracking.keep(run_id, {"decision.json": "{}", "plots/roc.svg": b"old"})
    tracking.keep(run_id, {"plots/roc.svg": b"<svg/>"})
    kept = Path(tracking.client.download_artifacts(run_id, "", str(tmp_path)))
    assert (kept / "plots/roc.svg").read_bytes() == b"<svg/>"
    assert (kept / "decision.json").read_text() == "{}"


def test_where_a_lost_answer_left_two_runs_the_older_counts(place: Place, act: Act) -> None:
    tracking = place.tracking()
    younger = tracking.run_of(act(), now=NOW)
    experiment = tracking.client.get_run(younger).info.experiment_id
    before = int((NOW - dt.timedelta(hours=1)).timestamp() * 1_000)
    older = tracking.client.create_run(experiment, before, {"monitoring.action": "RT-7F3A9C"})
    assert tracking.run_of(act(), now=NOW) == older.info.run_id


def test_a_run_that_had_ended_is_taken_up_again(place: Place, act: Act) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    tracking.end(run_id, "FAILED", NOW)
    assert tracking.client.get_run(run_id).info.status == "FAILED"
    assert tracking.run_of(act(attempt=2, run_id="9d1e"), now=NOW) == run_id
    run = tracking.client.get_run(run_id)
    assert run.info.status == "RUNNING"
    assert run.data.tags["monitoring.dagster_run"] == "9d1e"
    assert run.data.tags["monitoring.attempt"] == "2"


def test_an_experiment_that_somebody_deleted_is_brought_back(place: Place, act: Act) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    tracking.client.delete_experiment(tracking.client.get_run(run_id).info.experiment_id)
    again = tracking.run_of(act(ref="RT-000002"), now=NOW)
    assert tracking.client.get_run(again).info.status == "RUNNING"


def test_actions_of_one_monitor_share_an_experiment(place: Place, act: Act) -> None:
    tracking = place.tracking()
    runs = [tracking.run_of(act(ref=f"RT-00000{n}"), now=NOW) for n in range(2)]
    found = [tracking.client.get_run(run_id).info.experiment_id for run_id in runs]
    assert len(set(runs)) == 2
    assert len(set(found)) == 1


def test_inputs_are_digests_and_columns_and_are_kept_once(place: Place, act: Act) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    for _ in range(2):
        tracking.log_inputs(run_id, windows())
    kept = tracking.client.get_run(run_id).inputs.dataset_inputs
    by_use = {each.tags[0].value: each.dataset for each in kept}
    assert len(kept) == 2
    assert by_use["training"].digest == windows()[0].digest != by_use["validation"].digest
    assert '"carrier"' in by_use["training"].schema
    assert '"num_rows": 900' in by_use["training"].profile
    assert '"last_day": "2013-06-11"' in by_use["training"].profile


def test_the_digest_of_a_window_is_that_of_its_snapshots_in_order() -> None:
    training, _ = windows()
    assert training.digest == type(training)("validation", "x", ["a1", "b2"], [], 0, {}).digest
    assert training.digest != type(training)("training", "x", ["b2", "a1"], [], 0, {}).digest
    assert len(training.digest) <= 36


def test_a_parameter_that_changed_between_attempts_stands_beside_the_first(
    place: Place, act: Act
) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    tracking.log_parameters(run_id, {"seed": 7, "package.numpy": "2.4.0"}, attempt=1)
    for _ in range(2):
        tracking.log_parameters(run_id, {"seed": 7, "package.numpy": "2.4.1"}, attempt=2)
    params = tracking.client.get_run(run_id).data.params
    assert params["package.numpy"] == "2.4.0"
    assert params["package.numpy/attempt 2"] == "2.4.1"
    assert params["seed"] == "7"


def test_more_and_longer_parameters_than_mlflow_takes_at_once_are_kept(
    place: Place, act: Act
) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    many = {f"trainer.p{n}": "x" * 7_000 for n in range(130)}
    tracking.log_parameters(run_id, many, attempt=1)
    params = tracking.client.get_run(run_id).data.params
    assert len(params) == 130
    assert params["trainer.p7"].endswith("…")


def test_figures_of_a_decision_arrive_by_model_check_and_segment(place: Place, act: Act) -> None:
    tracking = place.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    made = decision(
        check(),
        check(CheckKind.SEGMENT, segment="carrier=UA", champion=None),
        check(CheckKind.SEGMENT, segment="carrier=XX", rows=9),
        check(CheckKind.LATENCY, metric="latency", gain=float("nan")),
    )
    for _ in range(2):
        tracking.log_figures(act(), run_id, figures_of(made))
    metrics = tracking.client.get_run(run_id).data.metrics
    assert metrics["challenger/primary/roc_auc"] == 0.702
    assert metrics["gain/segment/roc_auc/carrier:UA"] == 0.061
    assert "champion/segment/roc_auc/carrier:UA" not in metrics
    assert "gain/latency/latency" not in metrics
    assert not any("XX" in name for name in metrics)
    assert len(tracking.client.get_metric_history(run_id, "challenger/primary/roc_auc")) == 1


@pytest.mark.parametrize(
    "value",
    [HOSTILE, "../../etc", "..", "", "a//b", "名前", "x" * 400, "a=b", "a:b", "\ud800"],
    ids=lambda value: repr(value[:12]),
)
def test_any_segment_becomes_a_metric_that_mlflow_takes(
    embedded: Place, act: Act, value: str
) -> None:
    tracking = embedded.tracking()
    run_id = tracking.run_of(act(), now=NOW)
    name = legal_name("challenger", "segment", "roc_auc", value)
    tracking.log_figures(act(), run_id, {name: 0.5})
    assert tracking.client.get_run(run_id).data.metrics == {name: 0.5}


def test_segments_that_differ_have_metrics_that_differ() -> None:
    values = ["a=b", "a:b", "a_b", "a<b", "a>b", "a/b", ".", "..", "", "x" * 400, "x" * 401]
    assert len({legal_name("gain", value) for value in values}) == len(values)


def test_hostile_texts_are_shown_and_do_nothing(place: Place, act: Act) -> None:
    tracking = place.tracking()
    hostile = act(evidence=HOSTILE, requested_by=HOSTILE * 200)
    run_id = tracking.run_of(hostile, now=NOW, incident=HOSTILE)
    tracking.log_parameters(run_id, {HOSTILE: HOSTILE}, attempt=1)
    tracking.tell(run_id, {"because": HOSTILE})
    data = tracking.client.get_run(run_id).data
    assert data.tags["monitoring.evidence"].startswith("<!channel> </td><script>alert(1)</script>")
    assert len(data.tags["monitoring.requested_by"]) <= 5_000
    assert "\u202e" not in data.tags["monitoring.because"]
    assert list(data.params.values()) == [data.tags["monitoring.because"]]


def test_no_value_of_a_row_reaches_mlflow(
    embedded: Place, act: Act, model_dir: Path, tmp_path: Path
) -> None:
    planted = b"jane.doe@example.org"
    track(embedded.tracking(), embedded.registry(), act(), model_dir)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if planted in path.read_bytes()]
