"""The bundled data sets: one pinned wheel, fetched once, data files only."""

import subprocess

import pytest

from benchmarks import bundled


def test_the_lock_pins_one_wheel_by_its_hash_and_names_no_address() -> None:
    lines = [
        line for line in bundled.LOCK.read_text(encoding="utf-8").splitlines() if line[:1] != "#"
    ]
    assert lines[0].split()[0] == "nannyml==0.13.1"
    assert lines[1].strip().startswith("--hash=sha256:")
    assert len(lines) == 2
    assert "://" not in bundled.LOCK.read_text(encoding="utf-8")


def test_only_data_is_unpacked_and_a_second_call_fetches_nothing(monkeypatch) -> None:
    folder = bundled.folder()
    assert {path.suffix for path in folder.iterdir()} == {".csv", ".pq"}
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("fetched again"))
    assert bundled.folder() == folder


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("synthetic_car_loan_reference", 50_000),
        ("employment_MA_reference", 68_785),
        ("regression_synthetic_analysis", 60_000),
    ],
)
def test_a_data_set_is_read_by_its_name(name: str, rows: int) -> None:
    assert bundled.read(name).num_rows == rows


def test_a_name_that_is_not_there_is_told_what_is() -> None:
    with pytest.raises(KeyError, match="no data set 'mnist'; there are: california_housing_"):
        bundled.read("mnist")


def test_without_an_index_the_error_is_pips_own_and_nothing_is_left(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bundled, "BENCH", tmp_path)
    refused = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: refused)
    with pytest.raises(bundled.DataUnavailable, match=r"data\.lock .*: ERROR: No matching"):
        bundled.folder()
    assert [path.name for path in tmp_path.iterdir()] == ["nannyml.lock"]
