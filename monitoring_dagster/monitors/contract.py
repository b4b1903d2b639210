"""The monitor contract: what a YAML document may say about one monitored model.

Only the shapes of its sections live here. Rules between them are `agreement`, reading files is
`loader`, guessing a document from data is `draft`. Later rooms receive a valid `Monitor` and
nothing else.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from monitoring_dagster.monitors import agreement
from monitoring_dagster.monitors.alerting import Alerting
from monitoring_dagster.monitors.minimum_effects import MinimumEffects
from monitoring_dagster.monitors.objectives import Kpi, Slo
from monitoring_dagster.monitors.retraining import Retraining
from monitoring_dagster.monitors.scalars import (
    NAME_PATTERN,
    ColumnName,
    Day,
    Days,
    EnvironmentVariable,
    FileName,
    Finite,
    Name,
    Owner,
    RegularExpression,
    SchemaVersion,
    Share,
    SourcePath,
    TimeZone,
)
from monitoring_dagster.monitors.section import Section
from monitoring_dagster.monitors.vocabulary import (
    DEFAULT_KINDS,
    DEFAULT_TYPES,
    ColumnType,
    Kind,
    LabelDay,
    LatencyUnit,
    Materiality,
    Privacy,
    Role,
    Severity,
    Task,
)

__all__ = [
    "NAME_PATTERN",
    "Alerting",
    "Column",
    "ColumnName",
    "ColumnType",
    "Days",
    "Expectation",
    "FileSource",
    "Finite",
    "Kind",
    "Kpi",
    "LabelDay",
    "LabelSource",
    "LatencyUnit",
    "Materiality",
    "MinimumEffects",
    "Model",
    "Monitor",
    "Name",
    "Privacy",
    "Quality",
    "Reference",
    "Retention",
    "Retraining",
    "Role",
    "Schedule",
    "Section",
    "Segment",
    "Severity",
    "Share",
    "Slo",
    "Source",
    "SqlSource",
    "Task",
    "Telemetry",
    "content_hash",
]


class Column(Section):
    """One declared column. What is not declared is dropped and counted."""

    role: Role
    type: ColumnType | None = Field(
        default=None, description="Stored type; may be left out where the role implies one."
    )
    privacy: Privacy = Privacy.NONE
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1, strict=False)] | None = Field(
        default=None,
        alias="in",
        description="Kinds of telemetry that carry the column; the role implies them otherwise.",
    )
    source_name: ColumnName | None = Field(
        default=None, description="The column's name in the source, where it differs."
    )
    description: str = Field(default="", max_length=2_000, description="What the column means.")
    class_label: str | int | bool | None = Field(
        default=None,
        description="For the scores of a multiclass model: the class this score belongs to.",
    )
    unit: LatencyUnit | None = Field(
        default=None, description="For role latency; milliseconds by default."
    )
    ok_values: Annotated[tuple[str | int | bool, ...], Field(strict=False)] | None = Field(
        default=None,
        description="For role status: the values that mean success; all others are errors.",
    )
    time_zone: TimeZone | None = Field(
        default=None, description="For a timestamp without an offset: the zone it is written in."
    )

    @property
    def type_is_implied(self) -> bool:
        """Whether the role says what the type is."""
        return self.role in DEFAULT_TYPES

    @property
    def stored_type(self) -> ColumnType:
        """The declared type, or the one that the role implies."""
        return self.type or DEFAULT_TYPES[self.role]

    @property
    def telemetry_kinds(self) -> tuple[Kind, ...]:
        """The kinds of telemetry that carry this column."""
        return self.kinds or DEFAULT_KINDS[self.role]

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        found = list(agreement.of_column(self))
        if found:
            raise agreement.Disagreements(found)
        return self


class FileSource(Section):
    """Files by day: a local path or an fsspec URL that contains `{date}`."""

    kind: Literal["parquet", "csv"] = Field(description="Format of the files.")
    path: SourcePath = Field(
        description="Path or URL; `{date}` stands for the day as YYYY-MM-DD, `*` for any part. "
        "Without `{date}` the rows of the day are picked by their timestamp.",
    )
    success_marker: FileName | None = Field(
        default=None,
        description="A file beside the data that says the day is complete, such as _SUCCESS.",
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="For csv.")

    @model_validator(mode="after")
    def _delimiter_is_for_csv(self) -> Self:
        if self.kind == "parquet" and self.delimiter != ",":
            raise agreement.Disagreements(
                [agreement.Disagreement(("delimiter",), "delimiter is for kind csv; leave it out")]
            )
        return self


class SqlSource(Section):
    """A table, view or query of a SQL database, read with bound day boundaries."""

    kind: Literal["sql"] = Field(description="A SQL database.")
    url_env: EnvironmentVariable = Field(
        description="Name of the environment variable that holds the SQLAlchemy URL."
    )
    table: str | None = Field(default=None, min_length=1, description="`table` or `schema.table`.")
    query: str | None = Field(
        default=None,
        max_length=20_000,
        description="A SELECT with the bound parameters :day_start and :day_end (UTC instants).",
    )

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError("give either table or query")
        if self.query is not None and not (":day_start" in self.query and ":day_end" in self.query):
            raise ValueError(
                "a query must use the bound parameters :day_start and :day_end, "
                "as in WHERE scored_at >= :day_start AND scored_at < :day_end"
            )
        return self


Source = Annotated[FileSource | SqlSource, Field(discriminator="kind")]


class LabelSource(Section):
    """Where outcomes come from, and how late they may be."""

    source: Source = Field(description="Files or a database, as for features and predictions.")
    filed_under: LabelDay = Field(
        default=LabelDay.PREDICTION,
        description="Whether the source's day is the day of the prediction, or of the label's "
        "arrival.",
    )
    maturity_days: Days = Field(
        default=1,
        description="Days after which the labels of a day are expected; final from then on.",
    )
    accepted_days: Days = Field(
        default=30,
        description="Labels that come up to this many days after maturity are still taken.",
    )


class Telemetry(Section):
    """Where the events of the model are read from."""

    features: Source | None = Field(default=None, description="What the model was given.")
    predictions: Source | None = Field(
        default=None, description="What the model answered, and how fast."
    )
    labels: LabelSource | None = Field(default=None, description="What turned out to be true.")


class Costs(Section):
    """What one decision of each kind costs, in any one unit; a gain is negative."""

    true_positives: Finite = Field(default=0.0, description="A positive decision that was right.")
    false_positives: Finite = Field(default=0.0, description="A positive decision that was wrong.")
    true_negatives: Finite = Field(default=0.0, description="A negative decision that was right.")
    false_negatives: Finite = Field(default=0.0, description="A negative decision that was wrong.")


class Model(Section):
    """The deployed model."""

    task: Task
    uri: str | None = Field(
        default=None, description="MLflow model URI; monitoring itself needs no model."
    )
    threshold: Share | None = Field(
        default=None, description="Binary: a score at or above it is a positive decision."
    )
    positive_label: str | int | bool = Field(
        default=1, description="Binary: the value of the positive class."
    )
    costs: Costs | None = Field(
        default=None, description="Binary: what decisions cost; gives the metric `cost`."
    )
    classes: tuple[str | int | bool, ...] = Field(
        default=(), strict=False, description="Multiclass: every class, in a fixed order."
    )


class Reference(Section):
    """What the model was validated on; freezes the grid."""

    first_day: Day = Field(description="First day of the reference.")
    last_day: Day = Field(description="Last day of the reference, included.")
    snapshots: bool = Field(
        default=False,
        description="Take the days from stored snapshots instead of reading the sources.",
    )
    telemetry: Telemetry | None = Field(
        default=None, description="Sources of the reference, where they differ from production's."
    )

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError(f"last_day {self.last_day} lies before first_day {self.first_day}")
        if self.snapshots and self.telemetry is not None:
            raise ValueError("give either snapshots or telemetry")
        return self


class Segment(Section):
    """One declared way to cut the traffic: one column, or several crossed."""

    columns: Annotated[tuple[ColumnName, ...], Field(min_length=1, max_length=3, strict=False)] = (
        Field(description="One column, or up to three that are crossed.")
    )
    max_values: Annotated[int, Field(ge=1, le=1_000)] = Field(
        default=50,
        description="The most frequent values of the reference; the rest is one segment.",
    )
    protected: bool = Field(default=False, description="A group that fairness rules protect.")


class Expectation(Section):
    """One data-quality expectation about values; `critical` condemns what it names."""

    expect: Literal["not_null", "between", "in_set", "matches", "unique", "row_count"] = Field(
        description="What must hold."
    )
    kind: Kind = Field(
        default=Kind.FEATURES, alias="of", description="The snapshot that it is about."
    )
    column: ColumnName | None = Field(
        default=None, description="The column that it is about; none for row_count."
    )
    minimum: Finite | None = Field(default=None, description="For between and row_count, included.")
    maximum: Finite | None = Field(default=None, description="For between and row_count, included.")
    values: tuple[str | int | float | bool, ...] = Field(
        default=(), strict=False, description="For in_set: every allowed value."
    )
    pattern: RegularExpression | None = Field(
        default=None, description="For matches: a regular expression."
    )
    mostly: Share = Field(default=1.0, description="Share of rows that must comply.")
    severity: Severity = Severity.WARNING
    because: str = Field(default="", max_length=500, description="Why this must hold.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        needs = {"between": ("minimum", "maximum"), "row_count": ("minimum", "maximum")}
        if self.expect in needs and self.minimum is None and self.maximum is None:
            raise ValueError(f"{self.expect} needs a minimum, a maximum or both")
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if self.expect == "in_set" and not self.values:
            raise ValueError("in_set needs values")
        if self.expect == "matches" and self.pattern is None:
            raise ValueError("matches needs a pattern")
        if (self.expect == "row_count") != (self.column is None):
            raise ValueError(
                "row_count is about a whole snapshot and takes no column"
                if self.expect == "row_count"
                else f"{self.expect} needs a column"
            )
        return self


class Quality(Section):
    """Data-quality expectations beyond those that the contract and the reference imply."""

    learn: bool = Field(default=True, description="Derive expectations from the reference.")
    max_rows: Annotated[int, Field(ge=1_000)] = Field(
        default=250_000, description="Rows of a day that are checked; a larger day is sampled."
    )
    expectations: tuple[Expectation, ...] = Field(
        default=(), strict=False, description="What people know about the values."
    )


class Retention(Section):
    """How many days each kind of data is kept."""

    snapshots_days: Days = Field(default=400, description="Raw rows, identifiers as pseudonyms.")
    quarantine_days: Days = Field(default=30, description="Raw rows that a snapshot refused.")
    profiles_days: Days = Field(default=1_825, description="Counts; no row can be read from them.")


class Schedule(Section):
    """When a day is taken: the next morning, in the monitor's time zone."""

    hour: Annotated[int, Field(ge=0, le=23)] = Field(
        default=6, description="Hour of the next morning."
    )
    minute: Annotated[int, Field(ge=0, le=59)] = Field(
        default=0, description="Minute of that hour."
    )


class Monitor(Section):
    """The watch over one deployed model."""

    schema_version: SchemaVersion = Field(description="Version of this contract.")
    name: Name = Field(description="The monitor's name, which is also the name of its file.")
    description: str = Field(
        default="", max_length=4_000, description="What the model decides, for whom."
    )
    owner: Owner = Field(description="`team:NAME` or an e-mail address.")
    materiality: Materiality = Materiality.MEDIUM
    time_zone: TimeZone = Field("UTC", description="IANA name of the zone that days are cut in.")
    model: Model
    telemetry: Telemetry
    columns: dict[ColumnName, Column] = Field(
        description="Every column that is read, by the name it has in snapshots."
    )
    reference: Reference
    first_day: Day = Field(description="The first monitored day.")
    last_day: Day | None = Field(
        default=None, description="The last one; none for a model in service."
    )
    schedule: Schedule = Schedule()
    segments: tuple[Segment, ...] = Field(
        default=(), strict=False, description="The parts of the traffic that are measured apart."
    )
    quality: Quality = Quality()
    retention: Retention = Retention()
    slos: tuple[Slo, ...] = Field(default=(), strict=False, description="Service level objectives.")
    minimum_effects: MinimumEffects = MinimumEffects()
    alerting: Alerting = Alerting()
    retraining: Retraining = Retraining()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        found = agreement.of_monitor(self)
        if found:
            raise agreement.Disagreements(found)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The calendar in which days are cut."""
        return ZoneInfo(self.time_zone)

    @property
    def reference_is_labelled(self) -> bool:
        """Whether outcomes of the reference are known, also where production's never will be."""
        return (self.reference.telemetry or self.telemetry).labels is not None

    @property
    def config_hash(self) -> str:
        """SHA-256 of the canonical document, first 16 hexadecimal digits: its version."""
        return content_hash(self.model_dump(mode="json", by_alias=True))

    def columns_of(self, kind: Kind) -> dict[str, Column]:
        """Declared columns that the snapshot of `kind` carries, in the document's order."""
        return {n: c for n, c in self.columns.items() if kind in c.telemetry_kinds}

    def with_role(self, role: Role, kind: Kind | None = None) -> list[str]:
        """Names of the columns that have `role` (in `kind`, where given)."""
        return [
            n
            for n, c in self.columns.items()
            if c.role is role and (kind is None or kind in c.telemetry_kinds)
        ]

    def the(self, role: Role, kind: Kind | None = None) -> str | None:
        """Name of the one column that has `role`, or None."""
        names = self.with_role(role, kind)
        return names[0] if names else None


def content_hash(document: object) -> str:
    """Hash a JSON-like document so that equal content has equal hashes on every machine."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
