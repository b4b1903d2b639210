"""Claims about the stages of the example: what is skipped, what is done again, what is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.flights import stages, train
from examples.flights.stages import Demo, Facts, Stage


def _stage(folder: Path, made_from: object = 1, *, fails: bool = False) -> Stage:
    output = folder / "out.txt"

    def work(_: object) -> Facts:
        output.write_text("half")
        if fails:
            raise OSError("disk full")
        return {"rows": 3}

    return Stage("Making", output, made_from, work, "{rows} rows")


def test_a_finished_stage_remembers_what_it_found(tmp_path: Path) -> None:
    assert _stage(tmp_path).facts() is None
    done = _stage(tmp_path).run()
    assert done["rows"] == 3
    assert _stage(tmp_path).facts() == done


def test_a_stage_that_failed_half_way_is_not_complete(tmp_path: Path) -> None:
    _stage(tmp_path).run()
    with pytest.raises(OSError, match="disk full"):
        _stage(tmp_path, fails=True).run()
    assert (tmp_path / "out.txt").exists()
    assert _stage(tmp_path).facts() is None


def test_another_input_means_that_a_stage_is_done_again(tmp_path: Path) -> None:
    _stage(tmp_path, made_from="February").run()
    assert _stage(tmp_path, made_from="March").facts() is None


def test_an_output_that_was_removed_is_made_again(tmp_path: Path) -> None:
    _stage(tmp_path).run()
    (tmp_path / "out.txt").unlink()
    assert _stage(tmp_path).facts() is None


def test_the_example_stays_within_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITORING_DAGSTER_STORE_URL", "postgresql+psycopg2://production/store")
    monkeypatch.setenv("DAGSTER_HOME", "/srv/dagster")
    demo = Demo(tmp_path)
    environment = demo.environment()
    assert "MONITORING_DAGSTER_STORE_URL" not in environment
    assert environment["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert demo.store_url == f"sqlite:///{tmp_path / 'store.db'}"
    assert all(stage.output.parent == tmp_path for stage in demo.stages())


def test_every_stage_depends_on_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [stage.recipe for stage in Demo(tmp_path).stages()]
    sources = {train: "changed"}
    monkeypatch.setattr(stages, "_source_of", lambda module: sources.get(module, "as it was"))
    changed = [stage.recipe for stage in Demo(tmp_path).stages()]
    sources[train] = "as it was"
    restored = [stage.recipe for stage in Demo(tmp_path).stages()]
    same = [a == b for a, b in zip(changed, restored, strict=True)]
    assert same == [True, False, False, False]
    assert len(set(before)) == 4
