"""Files and folders: what is valid is loaded, what is not stops only itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors.agreement import Disagreement
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.loader import (
    Problem,
    load_file,
    load_folder,
    load_path,
    load_text,
)

Edit = Callable[[str, str], str]
Refusals = Callable[[str], list[str]]

POISON = {
    "duplicate.yaml": "name: duplicate\nname: duplicate\n",
    "bomb.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "itself.yaml": "a: &a\n  b: *a\n",
    "deep.yaml": "a: " + "[" * 20_000,
    "tagged.yaml": "a: !!python/object/apply:os.system ['touch planted']\n",
    "large.yaml": "a: 1\n" * 1_000_000,
    "unknown.yaml": "name: unknown\nfoo: 1\n",
    "latin.yaml": b"name: caf\xe9\n",
    "nothing.yaml": "",
    "two.yaml": "a: 1\n---\nb: 1\n",
}


@pytest.fixture
def folder(tmp_path: Path, churn: str) -> Path:
    """A folder with one valid document."""
    (tmp_path / "churn.yaml").write_text(churn)
    return tmp_path


def test_a_valid_file_is_loaded_by_its_name(folder: Path) -> None:
    loaded = load_folder(folder)
    assert list(loaded.monitors) == ["churn"]
    assert loaded.problems == []
    assert loaded.monitors["churn"] == load_file(folder / "churn.yaml")


def test_poisoned_files_stop_only_themselves(folder: Path) -> None:
    for name, content in POISON.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    loaded = load_folder(folder)
    assert list(loaded.monitors) == ["churn"]
    assert {Path(problem.file).name for problem in loaded.problems} == set(POISON)
    assert not (folder / "planted").exists()
    assert not Path("planted").exists()


def test_every_problem_of_every_file_is_told_at_once(folder: Path) -> None:
    (folder / "a.yaml").write_text("schema_version: 1\nname: a\nfoo: 1\n")
    (folder / "b.yaml").write_text("schema_version: 1\nname: b\n")
    problems = load_folder(folder).problems
    told = [(Path(p.file).name, p.line, p.key) for p in problems]
    required = ["columns", "first_day", "model", "owner", "reference", "telemetry"]
    assert told == [
        *[("a.yaml", 1, key) for key in required],
        ("a.yaml", 3, "foo"),
        *[("b.yaml", 1, key) for key in required],
    ]


def test_a_problem_reads_as_file_line_key_and_text(folder: Path) -> None:
    (folder / "a.yaml").write_text("schema_version: 3\n")
    problem = load_folder(folder).problems[-1]
    assert problem == Problem(
        (folder / "a.yaml").as_posix(), 1, "telemetry", "is missing, required a section"
    )
    assert (
        str(problem) == f"{folder.as_posix()}/a.yaml:1: telemetry: is missing, required a section"
    )


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../etc", id="a path upwards"),
        pytest.param("a/b", id="a path downwards"),
        pytest.param("CON", id="a device of Windows"),
        pytest.param("a" * 300, id="300 letters"),
        pytest.param("сhurn", id="a Cyrillic letter that looks Latin"),
        pytest.param("-churn", id="a leading dash"),
        pytest.param("churn\\n", id="a line break at the end"),
        pytest.param("Churn", id="a capital letter"),
    ],
)
def test_a_name_that_could_leave_its_place_is_refused(
    name: str, edited: Edit, refusals: Refusals
) -> None:
    (line,) = refusals(edited("name: churn\n", f'name: "{name}"\n'))
    assert line.startswith("churn.yaml:3: name: got '")
    assert line.endswith(
        "required a name of a-z, 0-9 and _ that begins with a letter and has at most 63 characters"
    )


def test_a_file_is_named_as_its_monitor(churn: str) -> None:
    with pytest.raises(MonitorInvalid) as refused:
        load_text(churn, "churn_copy.yaml")
    assert str(refused.value) == (
        "churn_copy.yaml:3: name: got 'churn' in churn_copy.yaml, required churn.yaml as the "
        "file's name"
    )


@pytest.mark.parametrize(
    ("other", "name"),
    [
        pytest.param("churn.yml", "churn", id="the same name"),
        pytest.param("churn_copy.yaml", "CHURN", id="the same name in capitals"),
    ],
)
def test_two_files_of_one_name_are_both_refused(
    folder: Path, churn: str, other: str, name: str
) -> None:
    (folder / other).write_text(churn.replace("name: churn", f"name: {name}"))
    loaded = load_folder(folder)
    assert loaded.monitors == {}
    told = [str(p) for p in loaded.problems if "is also the name in" in p.message]
    one, two = (folder / "churn.yaml").as_posix(), (folder / other).as_posix()
    assert told == sorted(
        [
            f"{one}:3: name: 'churn' is also the name in {two}; required is a name of its own",
            f"{two}:3: name: {name!r} is also the name in {one}; required is a name of its own",
        ]
    )


def test_only_yaml_files_of_the_folder_itself_are_read(folder: Path, churn: str) -> None:
    (folder / "notes.txt").write_text("not yaml: [")
    (folder / ".hidden.yaml").write_text("not yaml: [")
    (folder / "old.yaml").mkdir()
    (folder / "old.yaml" / "churn.yaml").write_text(churn)
    assert list(load_folder(folder).monitors) == ["churn"]


def test_a_file_that_cannot_be_read_is_a_problem(folder: Path) -> None:
    (folder / "gone.yaml").symlink_to(folder / "nowhere")
    assert [str(p) for p in load_folder(folder).problems] == [
        f"{folder.as_posix()}/gone.yaml:1: is not a file"
    ]


def test_a_missing_folder_is_a_problem(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "none", ignore_errors=True)
    told = "does not exist; `monitoring-dagster init` writes a first monitor"
    for load in (load_folder, load_path):
        problems = load(tmp_path / "none").problems
        assert [str(p) for p in problems] == [f"{tmp_path.as_posix()}/none: {told}"]


def test_a_rule_of_another_room_is_told_with_its_line_and_stops_its_own_monitor(
    folder: Path, churn: str
) -> None:
    (folder / "other.yaml").write_text(churn.replace("name: churn", "name: other", 1))

    def not_churn(monitor: Monitor) -> list[Disagreement]:
        broken = Disagreement(("model", "task"), "is not liked")
        return [broken] if monitor.name == "churn" else []

    loaded = load_path(folder, rules=(not_churn,))
    assert list(loaded.monitors) == ["other"]
    (problem,) = loaded.problems
    line = churn.splitlines().index("model:") + 2
    assert str(problem) == f"{folder.as_posix()}/churn.yaml:{line}: model.task: is not liked"


def test_one_file_can_be_looked_at_alone(folder: Path) -> None:
    (folder / "broken.yaml").write_text("")
    assert list(load_path(folder / "churn.yaml").monitors) == ["churn"]
    assert load_path(folder / "churn.yaml").problems == []
    assert len(load_path(folder / "broken.yaml").problems) == 1
    assert list(load_path(folder).monitors) == ["churn"]


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path, churn: str) -> None:
    file = tmp_path / "churn.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + churn.encode())
    assert load_file(file).name == "churn"
