"""The page of faults tells every fault once, and every test that it cites is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+) \|$", PAGE, re.MULTILINE)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_faults_are_numbered_without_a_gap() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 56))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1])
def test_every_test_of_a_fault_exists(row: tuple[str, str, str, str]) -> None:
    cited = row[3].split("<br>")
    assert cited
    for citation in cited:
        path, name = citation.strip("`").split("::")
        assert name in functions_of(ROOT / path), citation


def test_every_test_of_faults_is_cited() -> None:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path != Path(__file__):
            for name in functions_of(path):
                assert not name.startswith("test_") or f"{path.name}::{name}`" in PAGE, name
