"""What a deployment allows: where models may lie, which may run code, which endpoints may answer.

Given by the operator, never by a monitor's document.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from monitoring_dagster.models.endpoint import Scoring
from monitoring_dagster.telemetry.sources.access import Access


@dataclass(frozen=True)
class Allowed:
    """The rules of one deployment; by default only models of the registry, without code.

    Args:
        places: below which folders files of models may lie.
        digests: SHA-256 of the model folders whose code may run in a process of its own.
        scoring: which endpoints may be asked, and how.
    """

    places: Access = field(default_factory=lambda: Access(roots=(), base=Path()))
    digests: frozenset[str] = frozenset()
    scoring: Scoring = field(default_factory=Scoring)


REGISTERED_ONLY = Allowed()
