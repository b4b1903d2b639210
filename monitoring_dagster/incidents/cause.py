"""The cause: what verdicts have in common, by which they become one incident.

Causes follow the lineage of a day, from the snapshot over its profile to its metrics. Which
verdicts share one is decided in `grouping`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from enum import StrEnum
from typing import NamedTuple


class CauseKind(StrEnum):
    """Kinds of causes, the most upstream first: an earlier one explains the later ones."""

    MONITORING = "monitoring"
    SNAPSHOT = "snapshot"
    COLUMN = "column"
    TRAFFIC = "traffic"
    METRIC = "metric"
    LABELS = "labels"
    OPERATIONS = "operations"
    INPUTS = "inputs"
    PREDICTIONS = "predictions"
    PERFORMANCE = "performance"
    VERSION = "version"
    SEGMENT = "segment"


BREAKS = frozenset({CauseKind.SNAPSHOT, CauseKind.COLUMN, CauseKind.METRIC})
"""Causes that are facts and not findings: one day of them is enough."""


class Cause(NamedTuple):
    """What is wrong upstream; `name` says which one: a kind of telemetry, a column, a segment."""

    kind: CauseKind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else str(self.kind)

    @classmethod
    def parse(cls, text: str) -> Cause:
        """Reverse of `str`.

        >>> Cause.parse("segment:carrier=UA")
        Cause(kind=<CauseKind.SEGMENT: 'segment'>, name='carrier=UA')
        """
        kind, _, name = text.partition(":")
        return cls(CauseKind(kind), name)


def dedup_key(environment: str, monitor: str, cause: Cause) -> str:
    """The identity under which at most one incident is open; 26 characters.

    Days, values, versions of the model and priorities are no part of it: they change while the
    cause stays.

    >>> dedup_key("production", "flight_delay", Cause(CauseKind.INPUTS))
    'NLAWRZ6KIDOUOBY7WHYCSGHDT5'
    """
    canonical = json.dumps([environment, monitor, cause.kind, cause.name], ensure_ascii=True)
    digest = hashlib.sha256(canonical.encode()).digest()
    return base64.b32encode(digest).decode()[:26]
