"""The messages of the year, as they would look in Slack, on one page.

Without a Slack token they are in a file; the page shows how they stood in the end.
"""

from __future__ import annotations

from pathlib import Path

from monitoring_dagster.notifications.file import MESSAGES, Entry, threads
from monitoring_dagster.reports.messages import Posted, Thread, page

PAGE = "messages.html"


def write_page(home: Path) -> tuple[Path, int] | None:
    """Write the page into the home; returns it with its number of threads, None if it is empty."""
    found = threads(home / MESSAGES)
    if not found:
        return None
    target = home / PAGE
    shown = [
        Thread(one.root.destination, _posted(one.root), [_posted(reply) for reply in one.replies])
        for one in found
    ]
    target.write_text(page(shown), encoding="utf-8")
    return target, len(found)


def _posted(entry: Entry) -> Posted:
    pictures = [] if entry.picture is None else [entry.picture.read_bytes()]
    return Posted(entry.at, entry.text, entry.blocks, entry.edited_at is not None, pictures)
