"""The values that the keys of a document take: names, days, times, shares, paths, patterns.

Each says in plain words what it requires. Which key takes which value is `contract`.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from monitoring_dagster.monitors.problems import shown

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"


def _whole(value: object) -> object:
    # A literal 1 also takes true and 1.0, which are equal to it.
    if type(value) is not int:
        raise ValueError(f"got {shown(value)}, required 1")
    return value


def _iso_day(value: object) -> object:
    # pydantic itself also takes "1362096000", for the day so many seconds after 1970 began.
    if not isinstance(value, str):
        return value
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            return dt.date.fromisoformat(value)
    except ValueError as error:
        raise ValueError(f"got '{value}', which does not exist: {error}") from None
    raise ValueError(f"got {shown(value)}, required a date such as 2026-01-31")


def _near_day(day: dt.date) -> dt.date:
    # Room for every sum of days that the calendar makes, before the year 10000 ends it.
    if not dt.date(1970, 1, 1) <= day <= dt.date(2999, 12, 31):
        raise ValueError(f"got {day}, required a day from 1970-01-01 to 2999-12-31")
    return day


@cache
def _zones() -> frozenset[str]:
    # Listing them walks the file system, which took most of the time of reading a document.
    return frozenset(available_timezones())


def _known_zone(zone: str) -> str:
    if zone not in _zones():
        raise ValueError(f"{zone!r} is not a time zone of the IANA database, such as Europe/Paris")
    return zone


def _regular_expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return pattern


def _safe_path(path: str) -> str:
    if re.search(r"://[^/]*@", path):
        raise ValueError("a path holds no credentials; give them to the process's environment")
    other = re.search(r"\{(?!date\})[^}]*\}?", path)
    if other:
        raise ValueError(f"{other.group()} stands for nothing; the day is written {{date}}")
    return path


def _matching(pattern: str, words: str) -> Any:
    """Text of a pattern; editors and the loader show the words instead of the pattern."""
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": words})


Name = Annotated[
    str,
    _matching(
        NAME_PATTERN,
        "a name of a-z, 0-9 and _ that begins with a letter and has at most 63 characters",
    ),
]
Owner = Annotated[
    str,
    _matching(
        r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$", "team:NAME or an e-mail address"
    ),
]
EnvironmentVariable = Annotated[
    str,
    _matching(r"^[A-Z][A-Z0-9_]*$", "the name of an environment variable, such as SCORES_URL"),
]
Currency = Annotated[str, _matching(r"^[A-Z]{3}$", "a currency code of three letters, such as EUR")]
FunctionName = Annotated[str, _matching(r"^[\w.]+:[A-Za-z_]\w*$", "package.module:function")]
FileName = Annotated[str, _matching(r"^[^/\\]+$", "a file name without a folder")]
Channel = Annotated[
    str,
    _matching(
        r"^(#[^\s#<>&|,]{1,80}|[CG][A-Z0-9]{1,30})$",
        "a channel such as '#flight-delay', or its id such as C0123ABCD",
    ),
]
Mention = Annotated[
    str,
    _matching(
        r"^(here|[UWS][A-Z0-9]{2,30})$",
        "here, or the id of a user (U0123ABCD) or of a user group (S0123ABCD)",
    ),
]
Link = Annotated[
    str,
    _matching(r"^https?://[^\s<>|]{1,2000}$", "a link that begins with https:// or http://"),
]
TimeOfDay = Annotated[str, _matching(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", "a time such as '09:00'")]
EndOfHours = Annotated[
    str,
    _matching(r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", "a time such as '17:00', at most 24:00"),
]
SourcePath = Annotated[str, Field(min_length=1, max_length=2_000), AfterValidator(_safe_path)]
RegularExpression = Annotated[str, Field(max_length=500), AfterValidator(_regular_expression)]
ColumnName = Annotated[str, Field(min_length=1, max_length=128)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=36_500)]
DayCount = Annotated[int, Field(ge=1, le=14)]
Hours = Annotated[float, Field(gt=0, le=720, allow_inf_nan=False)]
Day = Annotated[dt.date, BeforeValidator(_iso_day), AfterValidator(_near_day)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]
SchemaVersion = Annotated[Literal[1], BeforeValidator(_whole)]
