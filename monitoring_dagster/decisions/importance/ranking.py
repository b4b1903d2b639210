"""Importance: a number per feature, its rank and its share; how it was learnt is `learning`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from monitoring_dagster.errors import SnapshotCorrupt

Method = Literal["permutation", "mutual_information"]


@dataclass(frozen=True)
class Importance:
    """How much the model's answers hang on each feature.

    `values` are losses of the task's metric for method `permutation` (ROC AUC, accuracy or R²;
    slightly negative where a feature adds only noise) and bits shared with the answer for
    `mutual_information`. They are empty when nothing could be learnt. `why` says why the model
    itself was not asked; empty when it was.
    """

    values: Mapping[str, float]
    method: Method
    why: str = ""

    def rank(self) -> list[str]:
        """The features, most important first; ties by name.

        >>> Importance({"hour": 0.08, "carrier": 0.02, "minute": -0.001}, "permutation").rank()
        ['hour', 'carrier', 'minute']
        """
        return sorted(self.values, key=lambda name: (-self.values[name], name))

    def share(self) -> dict[str, float]:
        """Each feature's part of the whole importance, in [0, 1]; NaN where none has any.

        >>> Importance({"hour": 0.06, "carrier": 0.02, "minute": -0.001}, "permutation").share()
        {'hour': 0.75, 'carrier': 0.25, 'minute': 0.0}
        """
        return dict(self._shares)

    def is_important(self, column: str) -> bool:
        """Whether the feature has at least the part that each had if all were alike.

        True for every column when nothing is known, since none can be ruled out; False for
        columns that the model does not read.

        >>> known = Importance({"hour": 0.06, "carrier": 0.02, "minute": -0.001}, "permutation")
        >>> known.is_important("hour"), known.is_important("carrier"), known.is_important("tail")
        (True, False, False)
        """
        if not self._is_known:
            return True
        # Equal parts must not fail for the last bit of a float.
        fair = (1 - 1e-9) / len(self.values)
        return column in self.values and self._shares[column] >= fair

    @property
    def _is_known(self) -> bool:
        return any(value > 0 for value in self.values.values())

    @cached_property
    def _shares(self) -> Mapping[str, float]:
        total = math.fsum(max(value, 0.0) for value in self.values.values())
        if not total > 0:
            return dict.fromkeys(self.values, float("nan"))
        return {name: max(value, 0.0) / total for name, value in self.values.items()}

    def to_json(self) -> bytes:
        """The importance as it is stored."""
        document = {"method": self.method, "values": dict(self.values), "why": self.why}
        return json.dumps(document, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, content: bytes) -> Importance:
        """What `to_json` wrote.

        Raises:
            SnapshotCorrupt: it did not write this.
        """
        try:
            document = json.loads(content)
            values = {str(name): float(value) for name, value in document["values"].items()}
            method, why = document["method"], str(document["why"])
            if method not in ("permutation", "mutual_information"):
                raise ValueError(f"unknown method {method!r}")
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise SnapshotCorrupt(
                f"the stored importance of features is damaged ({error}); delete it, and it is "
                "learnt anew from the reference"
            ) from error
        return cls(values, method, why)
