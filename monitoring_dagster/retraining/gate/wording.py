"""How checks speak: values side by side, what was reached, and where.

Only phrases; whole sentences are the checks' own.
"""

from __future__ import annotations

import math

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.retraining.gate.gained import Gained


def values(champion: float, challenger: float) -> str:
    """Both values, with as many digits as tell them apart.

    >>> values(0.68123, 0.7123), values(0.68123, 0.68131), values(0.5, 0.5)
    ('0.712 instead of 0.681', '0.6813 instead of 0.6812', '0.5 instead of 0.5')
    """
    told = [
        (ours, theirs)
        for digits in range(3, 9)
        if (ours := _rounded(challenger, digits)) != (theirs := _rounded(champion, digits))
    ]
    ours, theirs = told[0] if told else (number(challenger), number(champion))
    return f"{ours} instead of {theirs}"


def _rounded(value: float, digits: int) -> str:
    return number(value) if digits == 3 else f"{value:,.{digits}g}"


def compared(found: Gained, segment: str) -> str:
    """What was compared: metric, segment, both values and days."""
    both = values(found.champion, found.challenger)
    return f"{named(found.metric, segment)} {both} on {found.days} days"


def named(metric: str, segment: str) -> str:
    """The metric and the rows that it is of.

    >>> named("mae", "all"), named("mae", "carrier=UA")
    ('mae', 'mae in carrier=UA')
    """
    return metric if segment == "all" else f"{metric} in {segment}"


def at_least(gain: float) -> str:
    """What a lower bound of the gain says.

    >>> at_least(0.021), at_least(-0.004), at_least(0.0)
    ('better by at least 0.021', 'worse by 0.004 at most', 'not worse')
    """
    if gain == 0:
        return "not worse"
    return f"better by at least {number(gain)}" if gain > 0 else f"worse by {number(-gain)} at most"


def between(found: Gained) -> str:
    """The interval of a gain.

    >>> between(Gained("mae", 1.0, 0.9, 0.1, 0.0, 100, 28))
    'between 0.1 better and 0.1 better'
    """
    return f"between {_side(found.low)} and {_side(found.high)}"


def _side(gain: float) -> str:
    return f"{number(abs(gain))} {'better' if gain >= 0 else 'worse'}"


def allowed(allowance: float) -> str:
    """What may be lost.

    >>> allowed(0.01), allowed(0.0)
    ('0.01 allowed', 'nothing allowed')
    """
    return f"{number(allowance)} allowed" if allowance > 0 else "nothing allowed"


def share(part: float) -> str:
    """A share as a percentage; nothing that is not 0 reads as 0.

    >>> share(0.0521), share(0.0), share(0.00002)
    ('5.21 %', '0 %', '0.002 %')
    """
    return f"{number(100 * part)} %" if math.isfinite(part) else "an unknown share"
