"""Every point at which the code can be killed is one at which a test does it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

ENDINGS = {"lake.written{target.suffix}": (".parquet", ".json")}
"""Of the names that are put together: what their last part can be."""


def named(tree: ast.AST) -> Iterator[str]:
    """The names of a module's failpoints."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("failpoint"), args=[ast.Constant(str(name))]):
                yield name
            case ast.Call(func=ast.Name("failpoint"), args=[ast.JoinedStr(values=parts) as whole]):
                written = ast.unparse(whole)[2:-1]
                yield from (f"{ast.literal_eval(parts[0])}{e}" for e in ENDINGS[written])
            case ast.Call(func=ast.Name("failpoint")):
                raise AssertionError(f"a failpoint's name is not written out: {ast.unparse(node)}")


def sources(folder: str) -> list[str]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return [path.read_text(encoding="utf-8") for path in paths if path != Path(__file__)]


def test_every_failpoint_is_named_by_a_test_that_kills_or_breaks_a_process_there() -> None:
    names = {name for text in sources("monitoring_dagster") for name in named(ast.parse(text))}
    assert len(names) > 20
    tests = "\n".join(sources("tests"))
    assert {n for n in names if f'"{n}"' not in tests and f'"{n}=' not in tests} == set()
