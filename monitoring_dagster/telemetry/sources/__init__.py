"""Where telemetry comes from: files and databases, opened for one day, read as Arrow batches.

Each kind of source has a module; here the two questions that other rooms ask are passed on to it.
What the values mean is the contract's job, not decided here.
"""

from __future__ import annotations

from monitoring_dagster.monitors.calendar import Window
from monitoring_dagster.monitors.contract import FileSource, Kind, Monitor, SqlSource
from monitoring_dagster.telemetry.sources import filed, sql
from monitoring_dagster.telemetry.sources.access import Access
from monitoring_dagster.telemetry.sources.reading import Reading, Unparsable

__all__ = ["Access", "Reading", "Unparsable", "open_day", "version_of"]


def open_day(
    source: FileSource | SqlSource, monitor: Monitor, kind: Kind, window: Window, *, access: Access
) -> Reading:
    """Open one day of one kind of telemetry; rows flow when `batches` is iterated.

    What is only seen while rows flow (a damaged page, a file that grows, a lost connection) is
    raised by the iteration, as the same errors.

    Raises:
        SourceMissing: nothing is there for the day.
        SourceUnreadable: it is there, and it is not what it claims to be.
        SourceRefused: it is forbidden or beyond a limit.
        SourceGrowing: it is still being written.
    """
    if isinstance(source, FileSource):
        return filed.open_day(source, monitor, kind, window, access)
    return sql.open_day(source, monitor, kind, window, access)


def version_of(
    source: FileSource | SqlSource, monitor: Monitor, kind: Kind, window: Window, *, access: Access
) -> str | None:
    """A fingerprint of what a day's source holds now; None where it holds nothing complete.

    Files: names, sizes, and content (by the object store's checksum, or read up to 8 MiB; of
    larger files size and time of writing). Tables: rows and latest timestamp; of labels, which
    are corrected in place, the content as well.

    Raises:
        SourceUnreadable: it cannot be looked at.
        SourceRefused: it is forbidden.
    """
    if isinstance(source, FileSource):
        return filed.version_of(source, window, access)
    return sql.version_of(source, monitor, kind, window, access)
