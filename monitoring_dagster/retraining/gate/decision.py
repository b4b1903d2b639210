"""The decision of the gate: every check with its figures, and what follows from all of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What a check says."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"
    """The rows cannot tell; does not keep a challenger from passing unless the check says so."""


class CheckKind(StrEnum):
    """What is compared; each has a file of its own."""

    PRIMARY = "primary"
    ANSWERS = "answers"
    GUARD = "guard"
    CALIBRATION = "calibration"
    SEGMENT = "segment"
    PROTECTED = "protected"
    NEWEST = "newest"
    FLIPS = "flips"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of challenger and champion.

    Args:
        kind: what is compared.
        metric: by which metric.
        segment: of which rows; `all` for all of them.
        champion: the champion's value; None where it has none.
        challenger: the challenger's.
        gain: by how much the challenger is better, in the metric's unit (negative: worse).
        low: lower end of the gain's interval; None where there is none or nothing is estimated.
        high: upper end.
        required: what `low` (or the value that `text` names) had to reach.
        rows: labelled rows that both answered; for `answers` all rows.
        days: days among which they were compared.
        outcome: what follows.
        is_needed: whether the challenger fails where it is undecided.
        text: the check in a sentence, with its figures.
    """

    kind: CheckKind
    metric: str
    segment: str
    champion: float | None
    challenger: float | None
    gain: float | None
    low: float | None
    high: float | None
    required: float | None
    rows: int
    days: int
    outcome: Outcome
    is_needed: bool
    text: str

    @classmethod
    def of(cls, document: dict[str, Any]) -> Check:
        """The check that `document` gave."""
        kind, outcome = CheckKind(document["kind"]), Outcome(document["outcome"])
        values: dict[str, Any] = {**document, "kind": kind, "outcome": outcome}
        return cls(**values)

    @property
    def is_in_the_way(self) -> bool:
        """Whether the challenger does not pass because of it."""
        if self.outcome is Outcome.UNDECIDED:
            return self.is_needed
        return self.outcome is Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate says.

    Args:
        checks: all of them, the primary one first.
        first_day: of the rows compared, ISO; `last_day` likewise.
        confidence: of every interval.
    """

    checks: tuple[Check, ...]
    first_day: str
    last_day: str
    rows: int
    confidence: float

    @property
    def is_passed(self) -> bool:
        """Whether the challenger may take over."""
        return bool(self.checks) and not any(check.is_in_the_way for check in self.checks)

    @property
    def because(self) -> str:
        """Why, in a sentence or two: what is in the way, or what speaks for it."""
        blocking = [check.text for check in self.checks if check.is_in_the_way]
        if blocking:
            return "; ".join(blocking)
        return self.checks[0].text if self.checks else "nothing could be compared"

    def document(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "is_passed": self.is_passed, "because": self.because}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Decision:
        """The decision that `document` gave."""
        checks: list[dict[str, Any]] = list(document["checks"])
        kept = ("first_day", "last_day", "rows", "confidence")
        return cls(
            tuple(Check.of(check) for check in checks), **{name: document[name] for name in kept}
        )
