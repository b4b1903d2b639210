"""Named points at which a test can kill or break a process.

A no-op unless the environment variable MONITORING_DAGSTER_FAILPOINTS names the point, as in
`snapshot.adopted=kill;lake.written=raise`. Nothing else belongs here.
"""

from __future__ import annotations

import os
import signal

VARIABLE = "MONITORING_DAGSTER_FAILPOINTS"


class FailpointReached(Exception):
    """A failpoint that was told to raise was reached."""


def failpoint(name: str) -> None:
    """Die or raise here if the environment says so.

    Args:
        name: `room.event`, in the words of what has just happened.

    Raises:
        FailpointReached: the environment says `name=raise`.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    actions = dict(item.split("=", 1) for item in wanted.split(";"))
    if actions.get(name) == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if actions.get(name) == "raise":
        raise FailpointReached(name)
