"""The closed lists of words that a monitor's document chooses from.

Only words and what they stand for; which may be combined is `contract` and `agreement`.
"""

from __future__ import annotations

from enum import StrEnum

LOCATION = "location"
"""What all monitors together are called, so that none of them can be."""


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"


class Materiality(StrEnum):
    """How much depends on the model; sets the false-alarm budget and who must approve."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Weekday(StrEnum):
    """A day of the week, as `alerting` names it."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


class Kind(StrEnum):
    """The three kinds of telemetry, each with a snapshot of its own."""

    FEATURES = "features"
    PREDICTIONS = "predictions"
    LABELS = "labels"


class Role(StrEnum):
    """What a column is for."""

    ID = "id"
    TIMESTAMP = "timestamp"
    ENTITY = "entity"
    FEATURE = "feature"
    PREDICTION = "prediction"
    SCORE = "score"
    LABEL = "label"
    LATENCY = "latency"
    STATUS = "status"
    MODEL_VERSION = "model_version"
    VARIANT = "variant"
    WEIGHT = "weight"
    SEGMENT = "segment"


class ColumnType(StrEnum):
    """How a column is stored in a snapshot."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    TEXT = "text"
    TIMESTAMP = "timestamp"


class Privacy(StrEnum):
    """What a value says about a person; `direct` identifiers are stored as pseudonyms only."""

    NONE = "none"
    QUASI = "quasi"
    SENSITIVE = "sensitive"
    DIRECT = "direct"


class LatencyUnit(StrEnum):
    """The unit in which a latency column is logged."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"


class LabelDay(StrEnum):
    """Which day a label source is filed under."""

    PREDICTION = "prediction_day"
    ARRIVAL = "arrival_day"


class Severity(StrEnum):
    """How bad a broken expectation is; `critical` condemns what it names."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


DEFAULT_TYPES: dict[Role, ColumnType] = {
    Role.ID: ColumnType.TEXT,
    Role.ENTITY: ColumnType.TEXT,
    Role.TIMESTAMP: ColumnType.TIMESTAMP,
    Role.SCORE: ColumnType.NUMBER,
    Role.LATENCY: ColumnType.NUMBER,
    Role.WEIGHT: ColumnType.NUMBER,
    Role.MODEL_VERSION: ColumnType.CATEGORY,
    Role.VARIANT: ColumnType.CATEGORY,
    Role.STATUS: ColumnType.CATEGORY,
    Role.SEGMENT: ColumnType.CATEGORY,
}
"""The type of a column that names none; roles that are missing here must name one."""

DEFAULT_KINDS: dict[Role, tuple[Kind, ...]] = {
    Role.ID: (Kind.FEATURES, Kind.PREDICTIONS, Kind.LABELS),
    Role.TIMESTAMP: (Kind.FEATURES, Kind.PREDICTIONS),
    Role.ENTITY: (Kind.FEATURES,),
    Role.FEATURE: (Kind.FEATURES,),
    Role.SEGMENT: (Kind.FEATURES,),
    Role.WEIGHT: (Kind.FEATURES,),
    Role.PREDICTION: (Kind.PREDICTIONS,),
    Role.SCORE: (Kind.PREDICTIONS,),
    Role.LATENCY: (Kind.PREDICTIONS,),
    Role.STATUS: (Kind.PREDICTIONS,),
    Role.MODEL_VERSION: (Kind.PREDICTIONS,),
    Role.VARIANT: (Kind.PREDICTIONS,),
    Role.LABEL: (Kind.LABELS,),
}
"""The kinds of telemetry that carry a column whose document does not say so."""

SINGLE_ROLES = (
    Role.ID,
    Role.PREDICTION,
    Role.LABEL,
    Role.LATENCY,
    Role.STATUS,
    Role.MODEL_VERSION,
    Role.VARIANT,
    Role.WEIGHT,
)
"""Roles that one column of a monitor may have."""
