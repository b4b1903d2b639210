"""The rules of the house: who may import whom, what start-up may load, what a module must say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("monitoring_dagster", "assets", "sensors")

ROOMS = (
    "monitors",
    "telemetry",
    "models",
    "profiles",
    "metrics",
    "decisions",
    "incidents",
    "notifications",
    "retraining",
    "reports",
)
"""In the order of the day: a room may import those before it."""

FOR_EVERY_ROOM = ("errors", "failpoints", "egress")

KNOWS_DAGSTER = {"resources", "definitions", "cli", "running", "instance"}
HEAVY = ("great_expectations", "mlflow", "scipy", "sklearn", "matplotlib", "pandas", "duckdb")


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("path", modules(), ids=names(modules()))
def test_every_module_says_what_belongs_in_it(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(room) + 1], "store", *FOR_EVERY_ROOM}
    if room == "reports":
        allowed |= {"day", "evaluation", "backtest", "stored"}
    for path in (ROOT / "monitoring_dagster" / room).rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            assert parts[0] not in {"assets", "sensors", "dagster"}, f"{path}: {name}"
            if parts[0] == "monitoring_dagster" and len(parts) > 1:
                assert parts[1] in allowed, f"{path}: {name}"


def test_the_store_uses_nobody() -> None:
    for path in (ROOT / "monitoring_dagster/store").rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "monitoring_dagster" and len(parts) > 1:
                assert parts[1] in {"store", "errors", "failpoints"}, f"{path}: {name}"


def test_dagster_is_known_only_where_it_is_wired() -> None:
    for path in (ROOT / "monitoring_dagster").rglob("*.py"):
        if path.parent.name == "monitoring_dagster" and path.stem in KNOWS_DAGSTER:
            continue
        assert not any(n.split(".")[0] == "dagster" for n in imports(path)), path


def test_only_the_composition_root_imports_assets_and_sensors() -> None:
    for path in (ROOT / "monitoring_dagster").rglob("*.py"):
        if path.stem in {"definitions", "running"}:
            continue
        assert not any(n.split(".")[0] in {"assets", "sensors"} for n in imports(path)), path


@pytest.mark.parametrize(
    "name", ["utils", "helpers", "common", "core", "types", "misc"], ids=lambda n: f"no {n}"
)
def test_no_module_is_a_drawer(name: str) -> None:
    assert not [path for path in modules() if name in {path.stem, path.parent.name}]


def test_the_code_location_loads_no_heavy_module(tmp_path: Path) -> None:
    script = (
        "import sys, monitoring_dagster.definitions as d; d.defs(); "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert loaded.stdout.strip().splitlines()[-1] == "[]"
