"""Every error that a user can meet, in one tree.

An error is named after the user's mistake or the world's fact. Its text says what is wrong
(with the value), what is required, and what to do.

MonitoringError
├── SettingInvalid            an environment variable holds what cannot be used
├── MonitorInvalid            the YAML of a monitor cannot be used
├── MonitorUnknown            no monitor of that name is loaded
├── DayNotMonitored           a day outside the monitor's first and last day, or not over yet
├── SourceError               telemetry could not be read
│   ├── SourceMissing         nothing is there for the day
│   ├── SourceUnreadable      it is there, and it is not what it claims to be
│   ├── SourceRefused         it is forbidden or beyond a limit
│   └── SourceGrowing         it is still being written
├── SnapshotError
│   ├── SnapshotMissing       a later stage needs a snapshot that was never taken
│   ├── SnapshotCorrupt       a stored file is not the file that was written
│   └── SnapshotChanged       it was taken anew since a retraining on it was requested
├── ReferenceMissing          the reference of this configuration was never frozen
├── ReferenceUnusable         the reference window holds nothing to learn from
├── BacktestImpossible        stored measurements cannot tell what a document would have said
├── GridMismatch              two profiles were counted on different grids
├── ModelUnavailable          the monitored model cannot be fetched
├── ModelRefused              it is there, and it is not run or not fit for the monitor
├── TrainingFailed            a trainer gave no model that can be used
├── RegistryUnavailable       MLflow does not answer, or does not know us
├── RegistryRefused           MLflow answers, and does not do what was asked
├── IncidentUnknown           no incident of that name is kept
├── SilenceInvalid            a silence that cannot be meant
├── ActionUnknown             no retraining and no rollback of that name is kept
├── ActionNotWaiting          an action that is not where a person could decide about it
├── NoFormerChampion          a rollback where nobody reigned before
├── ActionUnderWay            another action of the monitor has to come to its end first
├── KeyMissing                the key for pseudonyms or for checkpoints is not configured
└── StoreError
    ├── StoreUnreachable      the database cannot be reached
    │   └── StoreBusy         somebody else has kept what is wanted locked for too long
    ├── StoreOutdated         the database has another revision than the code
    ├── CheckpointInvalid     a checkpoint of the audit log cannot be read or kept
    └── AuditLogRewritten     the audit log is not the one that checkpoints were made of
"""


class MonitoringError(Exception):
    """Base of every error raised on purpose."""


def in_words(error: MonitoringError | OSError) -> str:
    """What people read of an error: its text, or what the operating system says of which file.

    >>> in_words(FileNotFoundError(2, "No such file or directory", "/data/out.csv"))
    '/data/out.csv: no such file or directory'
    """
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror[0].lower()}{error.strerror[1:]}"
    return str(error)


class SettingInvalid(MonitoringError):
    """An environment variable holds what cannot be used; the text names it."""


class MonitorInvalid(MonitoringError):
    """The YAML of a monitor cannot be used; the text holds one line per problem."""


class MonitorUnknown(MonitoringError):
    """No monitor of that name is loaded."""


class DayNotMonitored(MonitoringError):
    """The day is outside the monitor's first and last day, or not over yet."""


class SourceError(MonitoringError):
    """Telemetry could not be read."""


class SourceMissing(SourceError):
    """The source holds nothing for the day."""


class SourceUnreadable(SourceError):
    """The source exists but is not what it claims to be."""


class SourceRefused(SourceError):
    """The source is forbidden or beyond a limit."""


class SourceGrowing(SourceError):
    """The source is still being written."""


class SnapshotError(MonitoringError):
    """A snapshot cannot be used."""


class SnapshotMissing(SnapshotError):
    """A later stage needs a snapshot that was never taken."""


class SnapshotCorrupt(SnapshotError):
    """A stored file is not the file that was written."""


class SnapshotChanged(SnapshotError):
    """A snapshot is not the one that a retraining was requested with."""


class ReferenceMissing(MonitoringError):
    """The reference of this configuration was never frozen."""


class ReferenceUnusable(MonitoringError):
    """The reference window holds nothing to learn from."""


class BacktestImpossible(MonitoringError):
    """Stored measurements cannot tell what a document would have said."""


class GridMismatch(MonitoringError):
    """Two profiles were counted on different grids."""


class ModelUnavailable(MonitoringError):
    """The monitored model cannot be fetched from the model registry."""


class ModelRefused(MonitoringError):
    """The model could run code when it is read, or does not fit the monitor."""


class RegistryUnavailable(MonitoringError):
    """MLflow is down, slow, broken, or refuses our credentials; it is worth trying later."""


class RegistryRefused(MonitoringError):
    """MLflow answers, and does not do what was asked; trying later would not help."""


class TrainingFailed(MonitoringError):
    """A trainer gave no model that can be used; the text says why.

    Args:
        text: what happened, and what to do.
        reason: one word for it (`retraining.process.Failure`).
        log: the end of what it printed, without secrets.
    """

    def __init__(self, text: str, reason: str, log: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.log = log


class IncidentUnknown(MonitoringError):
    """No incident of that name is kept for the monitor."""


class SilenceInvalid(MonitoringError):
    """A silence or a snooze that cannot be meant; the text holds one line per problem."""


class ActionUnknown(MonitoringError):
    """No retraining and no rollback of that name is kept for the monitor."""


class ActionNotWaiting(MonitoringError):
    """The action is not where a person could decide about it: it is over, or goes on already."""


class NoFormerChampion(MonitoringError):
    """A rollback of a model before which no other reigned that could come back."""


class ActionUnderWay(MonitoringError):
    """Another action of the monitor has to come to its end first."""


class KeyMissing(MonitoringError):
    """The key for pseudonyms or for checkpoints is not configured."""


class StoreError(MonitoringError):
    """The store cannot be used."""


class StoreUnreachable(StoreError):
    """The database cannot be reached."""


class StoreBusy(StoreUnreachable):
    """Somebody else has kept what is wanted locked for longer than this waits."""


class StoreOutdated(StoreError):
    """The database has another revision than the code."""


class CheckpointInvalid(StoreError):
    """A checkpoint of the audit log cannot be read, or not be kept."""


class AuditLogRewritten(StoreError):
    """The audit log is not the one that the last checkpoint was made of."""
