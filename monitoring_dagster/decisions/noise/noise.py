"""The door: noise is learned once from a frozen reference, kept, and asked about each day.

Statistics are in the modules beside this one; what follows from them is decided elsewhere.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitoring_dagster.decisions.noise.against import Against
from monitoring_dagster.decisions.noise.centring import centred
from monitoring_dagster.decisions.noise.counted import Counted
from monitoring_dagster.decisions.noise.distances import Distances, Judged
from monitoring_dagster.decisions.noise.distances import judge as judge_distances
from monitoring_dagster.decisions.noise.distances import learn as learn_distances
from monitoring_dagster.decisions.noise.judged import SIGNED, Key, Scale
from monitoring_dagster.decisions.noise.reference_days import measure
from monitoring_dagster.decisions.noise.sampling import cumulants
from monitoring_dagster.decisions.noise.signed import Signed
from monitoring_dagster.decisions.noise.signed import judge as judge_signed
from monitoring_dagster.decisions.noise.signed import learn as learn_signed
from monitoring_dagster.metrics.measurement import Measurement, Status
from monitoring_dagster.monitors.contract import Monitor, content_hash
from monitoring_dagster.profiles.profile import ALL, Group
from monitoring_dagster.profiles.reference import FrozenReference

Floats = NDArray[np.float64]
FORMAT = 1
T = TypeVar("T", Distances, Signed)


@dataclass(frozen=True)
class Noise:
    """How far every judged measurement lies from the reference without any change.

    `distance_keys` and `signed_keys` name the rows of the arrays in `distances` and `signed`.
    """

    distance_keys: tuple[Key, ...]
    distances: Distances
    signed_keys: tuple[Key, ...]
    signed: Signed

    @classmethod
    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # values may lie anywhere
    def learn(cls, monitor: Monitor, frozen: FrozenReference) -> Self:
        """Noise as the reference's own days show it, each against the others.

        Metrics without a value on any day of the reference are left out: nothing is known of them.
        Equal references give equal noise; draws are seeded by what they are drawn from.
        """
        measured = measure(monitor, frozen)
        tables: dict[Key, Floats] = {}
        for (column, segment), counted in measured.columns.items():
            found = cumulants(counted, _rng(counted, column, segment))
            tables |= {Key(metric, column, segment): table for metric, table in found.items()}
        far = tuple(measured.distances)
        known = tuple(key for key, days in measured.signed.items() if days.values)
        fitted = learn_distances(far, measured.distances, measured.columns, tables)
        return cls(
            far,
            centred(fitted, far, measured.distances),
            known,
            learn_signed(known, measured.signed, _origins(known, frozen)),
        )

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")
    def against(
        self,
        day: dt.date,
        measured: Sequence[Measurement],
        *,
        level: float | Sequence[float],
    ) -> list[Against | None]:
        """Each measurement of a day against its noise, in their order.

        None for a measurement without a value and for a metric or segment that the reference
        tells nothing of. A model version is held against the noise of the whole traffic.

        Args:
            day: decides the day of the week.
            measured: of one day; any metrics, columns, segments and model versions.
            level: chance of more than `null_high` without any change, one or one each.
        """
        levels = np.broadcast_to(np.asarray(level, dtype=np.float64), (len(measured),))
        answers: list[Against | None] = [None] * len(measured)
        for places, rows, judge in (
            (*self._found(measured, self._distance_rows), self._far),
            (*self._found(measured, self._signed_rows), self._off),
        ):
            if places:
                judged = judge(day, [measured[i] for i in places], np.array(rows), levels[places])
                for place, answer in zip(places, _each(judged), strict=True):
                    answers[place] = answer
        return answers

    def autocorrelation(self, metric: str, column: str = "", segment: str = ALL) -> float:
        """Lag-1 autocorrelation of the reference's days, 0 to 0.95; 0 where nothing is known."""
        key = Key(metric, column, segment)
        if (row := self._distance_rows.get(key)) is not None:
            return float(self.distances.rho[row])
        row = self._signed_rows.get(key)
        return 0.0 if row is None else float(self.signed.rho[row])

    def usual_z(self, metric: str, column: str = "", segment: str = ALL) -> tuple[float, float]:
        """Mean and spread of the normal scores of the reference's own days; 0 and 1 at least."""
        row = self._distance_rows.get(Key(metric, column, segment))
        if row is None:
            return 0.0, 1.0
        return float(self.distances.z_mean[row]), float(self.distances.z_spread[row])

    def to_json(self) -> bytes:
        """Everything, as JSON; arrays as base64 of little-endian doubles."""
        document = {
            "format": FORMAT,
            "distance_keys": self.distance_keys,
            "distances": _packed(self.distances),
            "signed_keys": self.signed_keys,
            "signed": _packed(self.signed),
        }
        return json.dumps(document).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """What `to_json` wrote; ValueError for another format."""
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise ValueError(
                f"noise of format {document['format']} cannot be read, only {FORMAT}; "
                "learn it again from the frozen reference"
            )
        return cls(
            tuple(Key(*key) for key in document["distance_keys"]),
            _unpacked(Distances, document["distances"]),
            tuple(Key(*key) for key in document["signed_keys"]),
            _unpacked(Signed, document["signed"]),
        )

    @cached_property
    def _distance_rows(self) -> dict[Key, int]:
        return {key: row for row, key in enumerate(self.distance_keys)}

    @cached_property
    def _signed_rows(self) -> dict[Key, int]:
        return {key: row for row, key in enumerate(self.signed_keys)}

    @staticmethod
    def _found(
        measured: Sequence[Measurement], known: Mapping[Key, int]
    ) -> tuple[list[int], list[int]]:
        """Places of the measurements of which something is known, and the rows that know it."""
        places: list[int] = []
        rows: list[int] = []
        for place, m in enumerate(measured):
            segment = m.segment if m.model_version == ALL else ALL
            row = known.get(Key(m.metric, m.column, segment))
            if row is not None and m.estimate.status is Status.OK and m.estimate.n >= 0:
                places.append(place)
                rows.append(row)
        return places, rows

    def _far(
        self, day: dt.date, found: list[Measurement], rows: NDArray[np.int64], level: Floats
    ) -> Judged:
        metrics, values, n = _arrays(found)
        return judge_distances(
            self.distances, rows, metrics, values, np.maximum(n, 1.0), day.weekday(), level
        )

    def _off(
        self, day: dt.date, found: list[Measurement], rows: NDArray[np.int64], level: Floats
    ) -> Judged:
        metrics, values, n = _arrays(found)
        low = np.array([m.estimate.ci_low for m in found], dtype=np.float64)
        high = np.array([m.estimate.ci_high for m in found], dtype=np.float64)
        return judge_signed(
            self.signed, rows, metrics, values, (low, high), n, day.weekday(), level
        )


def _arrays(found: list[Measurement]) -> tuple[NDArray[np.str_], Floats, Floats]:
    return (
        np.array([m.metric for m in found]),
        np.array([m.estimate.value for m in found], dtype=np.float64),
        np.array([m.estimate.n for m in found], dtype=np.float64),
    )


def _each(judged: Judged) -> list[Against]:
    columns = [getattr(judged, f.name).tolist() for f in fields(Against)]
    return [
        Against(*row[:-2], is_matched_by_weekday=bool(row[-2]), days=int(row[-1]))
        for row in zip(*columns, strict=True)
    ]


def _rng(counted: Counted, column: str, segment: str) -> np.random.Generator:
    """Draws that only depend on what they are drawn from."""
    seed = content_hash([column, segment, counted.binned(counted.reference).tolist()])
    return np.random.default_rng(int(seed[:12], 16))


def _origins(keys: Sequence[Key], frozen: FrozenReference) -> dict[Key, float]:
    """The reference's share, where the metric is a change of it."""
    found: dict[Key, float] = {}
    for key in keys:
        if SIGNED[key.metric] is Scale.SHARE_CHANGE:
            counts = frozen.profile.column(key.column, Group(ALL, key.segment))
            if counts is not None and counts.rows:
                found[key] = counts.nulls / counts.rows
    return found


def _packed(arrays: Distances | Signed) -> dict[str, object]:
    return {f.name: _text(getattr(arrays, f.name)) for f in fields(arrays)}


def _text(array: Floats) -> dict[str, object]:
    content = base64.b64encode(array.astype("<f8").tobytes()).decode()
    return {"shape": array.shape, "base64": content}


def _unpacked(made: type[T], document: Mapping[str, Any]) -> T:
    arrays: dict[str, Any] = {
        name: np.frombuffer(base64.b64decode(packed["base64"]), "<f8").reshape(packed["shape"])
        for name, packed in document.items()
    }
    return made(**arrays)
