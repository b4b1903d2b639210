"""The documents name what there is, all of it, and nothing that is not there."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from monitoring_dagster.cli import app
from monitoring_dagster.decisions.verdict import Level, Reason, Rule
from monitoring_dagster.incidents.alarms import Check
from monitoring_dagster.incidents.cause import CauseKind
from monitoring_dagster.incidents.incident import NextStep
from monitoring_dagster.incidents.priority import Grade
from monitoring_dagster.metrics.catalogue import OF_EVERY_TASK, OF_TASK
from monitoring_dagster.metrics.estimated import LIMITS
from monitoring_dagster.monitors.contract import Task
from monitoring_dagster.settings import MEANING

ROOT = Path(__file__).parents[1]
PACKAGES = ("assets", "monitoring_dagster", "sensors")
DOCUMENTS = [
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")
] + sorted(ROOT.glob("docs/*.md"))
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
ALL = "\n".join(TEXTS.values())

FOR_TESTS_ONLY = {"MONITORING_DAGSTER_FAILPOINTS"}


def commands() -> dict[str, dict[str, list[str]]]:
    """The options of every command, by its words: `{"db upgrade": {...}}`."""
    found: dict[str, dict[str, list[str]]] = {}

    def walk(group: TyperGroup, words: str) -> None:
        for name, command in group.commands.items():
            if isinstance(command, TyperGroup):
                walk(command, f"{words}{name} ")
            else:
                options = {p.name: p.opts for p in command.params if p.opts[0].startswith("--")}
                found[words + name] = {str(n): list(o) for n, o in options.items() if n != "help"}

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    walk(root, "")
    return found


def options(command: str) -> set[str]:
    return {option for names in commands()[command].values() for option in names}


def shown_calls() -> Iterator[str]:
    """Every call of the command line that a document shows, in a block or in a sentence."""
    for text in TEXTS.values():
        blocks = "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text, re.DOTALL))
        yield from re.findall(r"^monitoring-dagster (.+?)(?:\s+#.*)?$", blocks, re.MULTILINE)
        sentences = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        yield from re.findall(r"`monitoring-dagster ([^`]+)`", sentences)


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented_with_its_options(command: str) -> None:
    told = TEXTS["docs/deployment.md"]
    (line,) = re.findall(rf"^\| `monitoring-dagster {command}[ `].*$", told, re.MULTILINE)
    assert {option for option in options(command) if option not in line} == set()


@pytest.mark.parametrize("call", sorted(set(shown_calls())))
def test_every_call_that_is_shown_exists(call: str) -> None:
    words = shlex.split(call)
    command = next(c for c in commands() if words[: len(c.split())] == c.split())
    given = {word.split("=")[0] for word in words if word.startswith("--")}
    assert given <= options(command)


def test_every_setting_is_documented() -> None:
    read = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r'"(MONITORING_DAGSTER_[A-Z_]+)"', path.read_text(encoding="utf-8"))
    }
    told = set(re.findall(r"^\| `((?:MONITORING_DAGSTER|MLFLOW)_[A-Z_]+)` \|", ALL, re.MULTILINE))
    assert told == (read | set(MEANING)) - FOR_TESTS_ONLY


def metrics_of(title: str) -> list[str]:
    """The first cells of the tables below a heading of docs/metrics.md."""
    sections = re.split(r"^## ", TEXTS["docs/metrics.md"], flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(title)]
    return re.findall(r"^\| `([a-z0-9_]+)` \|.+\|.+\|$", section, re.MULTILINE)


@pytest.mark.parametrize("task", Task)
def test_every_performance_metric_is_explained_under_its_task(task: Task) -> None:
    assert sorted(metrics_of(f"Performance of a {task} model")) == sorted(OF_TASK[task])


def test_every_other_metric_is_explained_once() -> None:
    families = ("Drift", "Shape", "Operations", "Labels", "Quality")
    told = [name for family in families for name in metrics_of(family)]
    assert sorted(told) == sorted(OF_EVERY_TASK)


def told_of_verdicts(title: str) -> set[str]:
    """The first cells of the tables below a heading of docs/verdicts.md."""
    sections = re.split(r"^## ", TEXTS["docs/verdicts.md"], flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(title)]
    return set(re.findall(r"^\| `([a-z_]+)` \|.+\|$", section, re.MULTILINE))


def test_every_rule_is_explained() -> None:
    assert told_of_verdicts("Rules") == set(Rule)


# Of a single day of an objective and of a series without a measurement: no row's own reason.
IN_SENTENCES = {Reason.MISSED, Reason.NOT_MEASURED}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_explained(reason: Reason) -> None:
    section = TEXTS["docs/verdicts.md"].split("## Reasons", 1)[1].split("\n## ", 1)[0]
    assert (reason in told_of_verdicts("Reasons")) != (reason in IN_SENTENCES)
    assert f"`{reason}`" in section


def test_no_reason_is_explained_that_there_is_not() -> None:
    assert told_of_verdicts("Reasons") <= set(Reason)


@pytest.mark.parametrize("level", Level)
def test_every_verdict_is_named(level: Level) -> None:
    assert f"`{level}`" in TEXTS["docs/verdicts.md"]


def test_every_cause_is_explained() -> None:
    section = TEXTS["docs/incidents.md"].split("## Causes", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `([a-z]+)` \|", section, re.MULTILINE)) == set(CauseKind)


def test_every_priority_is_that_of_the_table() -> None:
    rows = re.findall(r"^\| \*\*(\w+)\*\*.*\| (P\d) \| (P\d) \| (P\d) \|$", ALL, re.MULTILINE)
    assert {name: tuple(told) for name, *told in rows} == {
        grade.name.lower(): grade.value for grade in Grade
    }


@pytest.mark.parametrize("step", NextStep)
def test_every_next_step_is_explained(step: str) -> None:
    assert f"| `{step}` |" in TEXTS["docs/incidents.md"]


@pytest.mark.parametrize("check", Check)
def test_everything_that_the_watchdog_looks_at_is_documented(check: str) -> None:
    assert f"| `monitoring:{check}` |" in TEXTS["docs/slack.md"]


def test_the_limits_of_estimates_are_quoted_as_pages_show_them() -> None:
    quoted = re.findall(r"^> (.+)$", TEXTS["docs/decisions.md"], re.MULTILINE)
    assert " ".join(quoted) == LIMITS


def cited_paths(text: str) -> Iterator[str]:
    """Paths of the repository that a text names: targets of links, and code that begins like one.

    A place to fill in, such as `<metric>`, ends the path, and so does the name of a test in it.
    """
    tops = {path.name for path in ROOT.iterdir()}
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            yield target
    for code in re.findall(r"`([^`\n]+)`", text):
        for word in code.split():
            path = re.split(r"[<*{]|::", word)[0]
            if "/" in path and path.split("/")[0] in tops:
                yield f"/{path}"


@pytest.mark.parametrize("document", TEXTS)
def test_every_path_that_is_cited_exists(document: str) -> None:
    beside = (ROOT / document).parent
    cited = set(cited_paths(TEXTS[document]))
    places = {path: ROOT / path[1:] if path[0] == "/" else beside / path for path in cited}
    assert sorted(path for path, place in places.items() if not place.exists()) == []


def test_every_verb_of_make_that_is_shown_exists() -> None:
    shown = set(re.findall(r"^(?:`)?make ([a-z-]+)", ALL, re.MULTILINE))
    shown |= {verb for call in re.findall(r"`make ([a-z ]+)`", ALL) for verb in call.split()}
    verbs = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert shown - set(verbs) == set()


@pytest.mark.parametrize("sensor", sorted(p.stem for p in ROOT.glob("sensors/[a-z]*.py")))
def test_every_sensor_is_documented(sensor: str) -> None:
    assert f"`{sensor}`" in TEXTS["docs/deployment.md"]


def packages() -> list[Path]:
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    return [path for path in sorted(found) if "__all__" in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", packages(), ids=lambda p: p.parent.relative_to(ROOT).as_posix())
def test_a_package_offers_what_it_defines_and_passes_on(path: Path) -> None:
    name = ".".join(path.parent.relative_to(ROOT).parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    }
    passed_on = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{name}.")
        for alias in node.names
    }
    offered = importlib.import_module(name).__all__
    assert offered == sorted(offered, key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert defined <= set(offered) <= defined | passed_on
    # Without code of its own a package imports only what it passes on.
    assert defined or set(offered) == passed_on
