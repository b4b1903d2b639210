"""How Slack fails: which fault meets which call, by a script or by chance.

What a fault does to the workspace and to the answer is `workspace`.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What can go wrong; `after` and `landed` mean that the call did what it should."""

    RATE_LIMITED = "429"
    ERROR_BEFORE = "500_before"
    ERROR_AFTER = "500_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    TIMEOUT_BEFORE = "timeout_before"
    SLOW_THEN_LANDED = "slow_then_landed"
    OK_FALSE = "ok_false"
    OK_FALSE_AFTER = "ok_false_after"
    HTML_200 = "html_200"
    HTML_200_AFTER = "html_200_after"
    TRUNCATED_JSON_AFTER = "truncated_json_after"
    CUT_OFF_AFTER = "cut_off_after"
    REDIRECT_302 = "redirect_302"


LANDS = frozenset(
    {
        FaultKind.ERROR_AFTER,
        FaultKind.RESET_AFTER_ACCEPT,
        FaultKind.OK_FALSE_AFTER,
        FaultKind.HTML_200_AFTER,
        FaultKind.TRUNCATED_JSON_AFTER,
        FaultKind.CUT_OFF_AFTER,
    }
)
"""The call takes effect at once, and the answer does not say so."""

DEFAULT_DETAIL = {
    FaultKind.RATE_LIMITED: "30",
    FaultKind.ERROR_BEFORE: "500",
    FaultKind.ERROR_AFTER: "500",
    FaultKind.SLOW_THEN_LANDED: "20",
    FaultKind.OK_FALSE: "internal_error",
    FaultKind.OK_FALSE_AFTER: "fatal_error",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, written `kind` or `kind:detail`.

    The detail is, of `429`, the Retry-After header: `3600`, `date` (an HTTP date 30 s ahead),
    `missing`, or any text; of `500_before` and `500_after` the status, such as `503`; of
    `slow_then_landed` the seconds until the call takes effect; of `ok_false` and
    `ok_false_after` Slack's error.

    >>> Fault.parse("ok_false:fatal_error")
    Fault(kind=<FaultKind.OK_FALSE: 'ok_false'>, detail='fatal_error')
    >>> Fault.parse("429").detail
    '30'
    """

    kind: FaultKind
    detail: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Raises ValueError for a kind that does not exist."""
        name, _, detail = text.partition(":")
        kind = FaultKind(name)
        return cls(kind, detail or DEFAULT_DETAIL.get(kind, ""))


@dataclass(slots=True)
class _Script:
    faults: deque[Fault | None]
    methods: frozenset[str]


@dataclass(slots=True)
class _Chance:
    probability: float
    faults: Sequence[Fault]
    generator: random.Random
    methods: frozenset[str]


class Faults:
    """Which fault meets the next call.

    A script is used up before chance has its turn. Without `methods` every call is meant, the
    upload of a file's bytes (`upload`) included.

    >>> faults = Faults()
    >>> faults.script([None, "500_after"], methods={"chat.postMessage"})
    >>> [faults.next(m) for m in ("auth.test", "chat.postMessage")]
    [None, None]
    >>> faults.next("chat.postMessage").kind.value
    '500_after'
    """

    def __init__(self) -> None:
        self._scripts: list[_Script] = []
        self._chances: list[_Chance] = []

    def script(
        self, faults: Iterable[str | Fault | None], methods: Collection[str] = frozenset()
    ) -> None:
        """The next calls meet these, one each, in this order; None lets a call pass."""
        parsed = deque(Fault.parse(f) if isinstance(f, str) else f for f in faults)
        self._scripts.append(_Script(parsed, frozenset(methods)))

    def rate(
        self,
        probability: float,
        kinds: Sequence[str | Fault],
        seed: int,
        methods: Collection[str] = frozenset(),
    ) -> None:
        """Every call meets one of `kinds` with this probability, the same ones for one seed."""
        faults = [Fault.parse(k) if isinstance(k, str) else k for k in kinds]
        generator = random.Random(seed)
        self._chances.append(_Chance(probability, faults, generator, frozenset(methods)))

    def calm(self) -> None:
        """From now on nothing fails."""
        self._scripts.clear()
        self._chances.clear()

    @property
    def scripted(self) -> int:
        """How many scripted calls are still to come."""
        return sum(len(script.faults) for script in self._scripts)

    def next(self, method: str) -> Fault | None:
        """The fault of this call, which is then used up; None if it shall succeed."""
        for script in self._scripts:
            if script.faults and (not script.methods or method in script.methods):
                return script.faults.popleft()
        for chance in self._chances:
            if chance.methods and method not in chance.methods:
                continue
            if chance.generator.random() < chance.probability:
                return chance.generator.choice(chance.faults)
        return None
