"""Versions and aliases in the registry, on a database and on a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring_dagster import models
from monitoring_dagster.errors import RegistryRefused
from monitoring_dagster.retraining.naming import champion_alias, registered_name
from tests.retraining_tracking.acting import NOW, Place

Act = Callable[..., Any]


def test_a_saved_model_becomes_a_version_that_can_be_read_and_leads_to_its_run(
    place: Place, act: Act, model_dir: Path
) -> None:
    of, registry, tracking = act(), place.registry(), place.tracking()
    run_id = tracking.run_of(of, now=NOW)
    tracking.log_parameters(run_id, {"seed": 7}, 1)
    kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    found = registry.client.get_model_version_by_alias(of.monitor, "challenger")
    assert str(found.version) == kept.version == "1"
    assert found.run_id == run_id
    assert found.tags == {
        "monitoring.action": of.ref,
        "monitoring.run": run_id,
        "monitoring.flavour": "sklearn",
        "monitoring.model": kept.model_id,
    }
    model = registry.client.get_logged_model(kept.model_id)
    assert model.status == "READY"
    assert model.source_run_id == run_id
    assert model.params == {"seed": "7"}
    assert of.monitor in model.tags["mlflow.modelVersions"]
    [output] = registry.client.get_run(run_id).outputs.model_outputs
    assert output.model_id == kept.model_id
    read = models.load(f"models:/{of.monitor}@challenger", tracking_uri=place.uri)
    assert list(read.features) == ["a", "b"]


def test_an_action_registers_one_version_however_often_it_is_asked(
    place: Place, act: Act, model_dir: Path
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    first = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    again = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    assert again == first == registry.registered(of, of.monitor)
    assert len(registry.client.search_model_versions(f"name = '{of.monitor}'")) == 1


def test_of_two_versions_that_a_lost_answer_left_the_older_counts(
    place: Place, act: Act, model_dir: Path
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    registry.client.create_model_version(
        of.monitor,
        registry.client.get_logged_model(kept.model_id).artifact_location,
        run_id,
        {"monitoring.action": of.ref},
        model_id=kept.model_id,
        await_creation_for=0,
    )
    assert registry.register(of, model_dir, name=of.monitor, run_id=run_id).version == "1"


def test_the_next_action_registers_the_next_version_and_takes_the_alias(
    place: Place, act: Act, model_dir: Path
) -> None:
    registry, tracking = place.registry(), place.tracking()
    for number in (1, 2):
        of = act(ref=f"RT-00000{number}")
        run_id = tracking.run_of(of, now=NOW)
        kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
        assert kept.version == str(number)
    assert registry.alias_is(act().monitor, "challenger", "2")
    assert not registry.alias_is(act().monitor, "challenger", "1")


def test_an_alias_moves_once_and_goes_only_from_its_holder(
    place: Place, act: Act, model_dir: Path
) -> None:
    registry, tracking, name = place.registry(), place.tracking(), act().monitor
    assert registry.champion_version(name) is None
    for number in (1, 2):
        of = act(ref=f"RT-00000{number}")
        registry.register(of, model_dir, name=name, run_id=tracking.run_of(of, now=NOW))
    assert registry.champion_version(name) is None
    for _ in range(2):
        registry.move_alias(name, "champion", "2")
        assert registry.champion_version(name) == "2"
    registry.drop_alias(name, "champion", "1")
    assert registry.champion_version(name) == "2"
    for _ in range(2):
        registry.drop_alias(name, "champion", "2")
        assert registry.champion_version(name) is None


def test_a_version_that_was_deleted_cannot_become_champion(
    place: Place, act: Act, model_dir: Path
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    registry.client.delete_model_version(of.monitor, kept.version)
    with pytest.raises(RegistryRefused, match=r"MLflow refuses: .*look there at the model"):
        registry.move_alias(of.monitor, "champion", kept.version)


def test_a_version_that_was_deleted_is_registered_anew(
    place: Place, act: Act, model_dir: Path
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    first = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    registry.client.delete_model_version(of.monitor, first.version)
    again = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    assert again.version == "2"
    assert again.model_id == first.model_id


@pytest.mark.parametrize("alias", ["latest", "v7", "a b"], ids=lambda alias: f"alias {alias}")
def test_an_alias_that_mlflow_does_not_take_is_refused(
    place: Place, act: Act, model_dir: Path, alias: str
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    kept = registry.register(of, model_dir, name=of.monitor, run_id=run_id)
    with pytest.raises(RegistryRefused):
        registry.move_alias(of.monitor, alias, kept.version)


@pytest.mark.parametrize(
    "name", ["o'brien", 'a "quoted" name', "naïve 名前"], ids=["an apostrophe", "quotes", "unicode"]
)
def test_a_model_may_be_named_as_mlflow_allows(
    place: Place, act: Act, model_dir: Path, name: str
) -> None:
    of, registry = act(), place.registry()
    run_id = place.tracking().run_of(of, now=NOW)
    name = f"{name} {of.monitor}"
    first = registry.register(of, model_dir, name=name, run_id=run_id)
    assert registry.register(of, model_dir, name=name, run_id=run_id) == first
    assert registry.alias_is(name, "challenger", "1")


@pytest.mark.parametrize(
    ("uri", "name", "alias"),
    [
        ("models:/loan_model@production", "loan_model", "production"),
        ("models:/loan_model/7", "loan_model", "champion"),
        ("models:/m-0123456789abcdef", "small", "champion"),
        (None, "small", "champion"),
    ],
    ids=["an alias", "a version", "a model without a name", "no registered model"],
)
def test_names_come_from_the_document(
    monitor_of: Callable[[str | None], Any], uri: str | None, name: str, alias: str
) -> None:
    monitor = monitor_of(uri)
    assert (registered_name(monitor), champion_alias(monitor)) == (name, alias)
