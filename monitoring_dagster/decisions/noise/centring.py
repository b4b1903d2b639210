"""What the normal scores of the reference's own days are: where a chart has to begin to count.

The tail of a distance is fitted where it decides, and its middle may lie elsewhere. A single day
does not mind; a chart adds it up. Fitting is `distances`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from monitoring_dagster.decisions.noise.distances import Distances, judge
from monitoring_dagster.decisions.noise.judged import Key
from monitoring_dagster.decisions.noise.reference_days import Days
from monitoring_dagster.decisions.noise.weekdays import Floats, weekday

CHARTED = "psi"
"""The one distance that charts follow."""

FEWEST = 5
"""Days of which a mean and a spread are worth more than 0 and 1."""


def centred(learnt: Distances, keys: Sequence[Key], days: Mapping[Key, Days]) -> Distances:
    """The same with the mean and spread of the scores of the reference's days.

    Never below 0 and 1: a series whose days are more alike than a sample would be is left as it
    is, since what makes them so may end without anything being wrong.
    """
    rows = [row for row, key in enumerate(keys) if key.metric == CHARTED]
    places = np.repeat(rows, [len(days[keys[row]].values) for row in rows])
    if not places.size:
        return learnt
    ordinals = np.concatenate([days[keys[row]].ordinals for row in rows]).astype(np.int64)
    values = np.concatenate([days[keys[row]].values for row in rows])
    n = np.concatenate([days[keys[row]].n for row in rows])
    scores = np.empty(values.shape)
    of_week = weekday(ordinals)
    for day in np.unique(of_week).tolist():
        at = of_week == day
        names = np.full(int(at.sum()), CHARTED)
        level = np.full(names.shape, 0.5)
        scores[at] = judge(learnt, places[at], names, values[at], n[at], day, level).z
    mean, spread = learnt.z_mean.copy(), learnt.z_spread.copy()
    for row in rows:
        own: Floats = scores[places == row]
        if own.size >= FEWEST:
            mean[row] = max(float(own.mean()), 0.0)
            spread[row] = max(float(own.std(ddof=1)), 1.0)
    return replace(learnt, z_mean=mean, z_spread=spread)
