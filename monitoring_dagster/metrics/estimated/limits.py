"""What an estimate without labels cannot know, in words that pages and docs show.

How estimates are made is in the modules beside this one.
"""

from __future__ import annotations

LIMITS = (
    "An estimate assumes that a row with the same inputs and the same score turns out as it did in "
    "the reference. It sees that other inputs come in, and that scores move; it cannot see that "
    "the same inputs now lead to other outcomes (concept drift), nor inputs that the reference "
    "never had. Only labels can."
)
"""Shown wherever an estimate is."""
