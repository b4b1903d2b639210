"""Two monitored models, and what a day can say of them: a word for each part, as verdicts.

What becomes of the verdicts is the real code's to say.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from hypothesis import strategies as st

from monitoring_dagster.decisions.verdict import Level, Rule, Verdict
from monitoring_dagster.monitors.contract import Monitor
from tests.incidents_grouping.world import (
    drift,
    lost,
    monitor,
    objective,
    ok,
    performance,
    snapshot,
    verdict,
)

ALERTS, MODELS, ON_CALL = "alerts", "models", "on-call"
"""Rooms of the workspace; the second is the deployment's own."""

FLIGHTS = monitor(
    name="flights",
    materiality="high",
    alerting={
        "channel": f"#{ALERTS}",
        "mention": "S0TEAM",
        "warnings": "1 of 1",
        "close_after_days": 1,
        "escalation": [
            {"after_hours": 0, "mention": "here"},
            {"after_hours": 2, "channel": f"#{ON_CALL}", "mention": "U0BOSS"},
        ],
    },
)
PARCELS = monitor(
    name="parcels",
    alerting={
        "warnings": "2 of 3",
        "close_after_days": 2,
        "maintenance": [
            {"days": ["wed", "sat"], "from": "22:00", "to": "09:00", "because": "backups"}
        ],
    },
)
MONITORS: Mapping[str, Monitor] = {m.name: m for m in (FLIGHTS, PARCELS)}

_ROWS = verdict(Rule.DATA, "rows")
_SLOW = verdict(Rule.OPERATIONS, "latency_p50", "ms")
_HERE, _WORSE = drift("income", segment="region=n"), performance(segment="region=n")

PARTS: Mapping[str, Mapping[str, Sequence[Verdict]]] = {
    "features": {"there": [ok(snapshot("features"))], "missing": [snapshot("features")]},
    "a column": {"fine": [ok(drift("age"))], "lost": [lost("age")], "unsaid": []},
    "inputs": {"fine": [ok(drift("income"))], "moved": [drift("income")], "unsaid": []},
    "an objective": {
        "met": [ok(objective())],
        "burning": [objective(level=Level.WARN, left=0.3)],
        "exhausted": [objective()],
        "unsaid": [],
    },
    "a segment": {
        "fine": [ok(_HERE), ok(_WORSE)],
        "moved": [_HERE, ok(_WORSE)],
        "worse": [ok(_HERE), _WORSE],
        "unsaid": [],
    },
    "traffic": {"fine": [ok(_ROWS)], "fewer": [_ROWS]},
    "the service": {"fine": [ok(_SLOW)], "slow": [_SLOW]},
}

Said = tuple[str, ...]
"""What a day says: a word for each part."""

CALM: Said = tuple(next(iter(words)) for words in PARTS.values())

_PARTS = list(PARTS.items())


@st.composite
def sayings(draw: st.DrawFn, least: int = 0) -> Said:
    """What a day says; of so many parts at least something that is drawn."""
    said = list(CALM)
    for place in draw(st.lists(st.integers(0, len(_PARTS) - 1), min_size=least, max_size=4)):
        said[place] = draw(st.sampled_from(list(_PARTS[place][1])))
    return tuple(said)


def verdicts(said: Said) -> list[Verdict]:
    """The verdicts of a day that says this."""
    words = (PARTS[part][word] for part, word in zip(PARTS, said, strict=True))
    return list(itertools.chain.from_iterable(words))
