"""Monitors from YAML files: all that is valid, and every problem of what is not.

A broken file stops only itself. How YAML is read is `document`, how mistakes are told is
`wording`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from monitoring_dagster.errors import MonitorInvalid
from monitoring_dagster.monitors import document, wording
from monitoring_dagster.monitors.agreement import Disagreement
from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.monitors.problems import Problem, dotted

__all__ = ["Loaded", "Problem", "Rule", "load_file", "load_folder", "load_path", "load_text"]

SUFFIXES = (".yaml", ".yml")

Rule = Callable[[Monitor], Iterable[Disagreement]]
"""What else must hold for a document that is valid in itself."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The monitors of a folder by name, and the problems of the files that hold none."""

    monitors: Mapping[str, Monitor]
    problems: list[Problem]


@dataclass(frozen=True, slots=True)
class _Reading:
    file: str
    claimed_name: str | None
    name_line: int
    monitor: Monitor | None
    problems: list[Problem]


def load_text(text: str, path: str | Path) -> Monitor:
    """The monitor of a document; `path` names it in messages, and must end in its name.

    Raises:
        MonitorInvalid: with one line per problem, each `file:line: key: what is wrong`.
    """
    return _monitor_of(_read(text.encode("utf-8", "surrogatepass"), Path(path)))


def load_file(path: str | Path) -> Monitor:
    """The monitor of one file.

    Raises:
        MonitorInvalid: with one line per problem, each `file:line: key: what is wrong`.
    """
    return _monitor_of(_read_file(Path(path)))


def load_folder(path: str | Path, rules: Sequence[Rule] = ()) -> Loaded:
    """Every monitor of a folder, files with problems left out; folders in it are not read."""
    folder = Path(path)
    if not folder.is_dir():
        return Loaded({}, [_nothing_at(folder)])
    files = [f for f in sorted(folder.iterdir()) if _may_hold_a_monitor(f)]
    return _loaded([_read_file(file, rules) for file in files])


def load_path(path: str | Path, rules: Sequence[Rule] = ()) -> Loaded:
    """What a folder holds, or one file alone."""
    if not Path(path).exists():
        return Loaded({}, [_nothing_at(Path(path))])
    if Path(path).is_dir():
        return load_folder(path, rules)
    return _loaded([_read_file(Path(path), rules)])


def _nothing_at(path: Path) -> Problem:
    what = "is no folder" if path.exists() else "does not exist"
    return Problem(
        path.as_posix(), 0, "", f"{what}; `monitoring-dagster init` writes a first monitor"
    )


def _loaded(readings: list[_Reading]) -> Loaded:
    problems = [p for reading in readings for p in reading.problems]
    monitors: dict[str, Monitor] = {}
    for reading in readings:
        others = [r.file for r in readings if r is not reading and _same_name(r, reading)]
        if others:
            problems.append(
                Problem(
                    reading.file,
                    reading.name_line,
                    "name",
                    f"{reading.claimed_name!r} is also the name in {', '.join(others)}; "
                    "required is a name of its own",
                )
            )
        elif reading.monitor is not None:
            monitors[reading.monitor.name] = reading.monitor
    return Loaded(monitors, sorted(problems))


def _may_hold_a_monitor(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and not file.name.startswith(".") and not file.is_dir()


def _same_name(one: _Reading, other: _Reading) -> bool:
    # Folded, since file systems and databases exist that do not tell Churn from churn.
    if one.claimed_name is None or other.claimed_name is None:
        return False
    return one.claimed_name.casefold() == other.claimed_name.casefold()


def _monitor_of(reading: _Reading) -> Monitor:
    if reading.monitor is None:
        raise MonitorInvalid("\n".join(map(str, reading.problems)))
    return reading.monitor


def _read_file(path: Path, rules: Sequence[Rule] = ()) -> _Reading:
    try:
        if not path.is_file():
            return _unreadable(path, "is not a file")
        with path.open("rb") as stream:
            return _read(stream.read(document.MAX_BYTES + 1), path, rules)
    except OSError as error:
        return _unreadable(path, f"cannot be read: {error.strerror}")


def _unreadable(path: Path, message: str) -> _Reading:
    return _Reading(path.as_posix(), None, 1, None, [Problem(path.as_posix(), 1, "", message)])


def _read(content: bytes, path: Path, rules: Sequence[Rule] = ()) -> _Reading:
    read = document.parse(content, path.as_posix())
    monitor, found = _validated(read) if read.is_complete else (None, [])
    if monitor is not None:
        broken = [disagreement for rule in rules for disagreement in rule(monitor)]
        found += [Problem(read.file, read.line_of(b.path), dotted(b.path), b.text) for b in broken]
    # What a line was refused for explains what pydantic says of it.
    refused = {problem.line for problem in read.problems}
    problems = [*read.problems, *(p for p in found if p.line not in refused)]
    name = read.at(("name",))
    said = any(problem.key == "name" for problem in problems)
    if isinstance(name, str) and name != path.stem and not said:
        problems.append(
            Problem(
                read.file,
                read.line_of(("name",)),
                "name",
                f"got {name!r} in {path.name}, required {name}.yaml as the file's name",
            )
        )
    return _Reading(
        file=read.file,
        claimed_name=name if isinstance(name, str) else None,
        name_line=read.line_of(("name",)),
        monitor=None if problems else monitor,
        problems=sorted(problems),
    )


def _validated(read: document.Document) -> tuple[Monitor | None, list[Problem]]:
    try:
        # By way of JSON, where pydantic's strict mode takes text for an enumeration or a date
        # and a list for a tuple, and still refuses "1" for 1 and 1 for true.
        return Monitor.model_validate_json(json.dumps(read.data)), []
    except ValidationError as error:
        return None, wording.problems_of(error, read)
