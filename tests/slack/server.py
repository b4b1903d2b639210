"""A workspace on a port of the loopback interface, for clients in any process."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from tests.slack import web
from tests.slack.loopback import running_loopback
from tests.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RunningSlack:
    """Where it is: `url` is what slack_sdk calls `base_url`."""

    url: str
    workspace: Workspace


@contextlib.contextmanager
def running_slack(workspace: Workspace) -> Iterator[RunningSlack]:
    """Serve a workspace over HTTP; its state stays in this process, and can be read at any time.

    Faults become what they are on a wire: a reset is an RST, a slow answer keeps the client waiting
    until it gives up. Proxies of the environment (`HTTP_PROXY` and the like), which slack_sdk and
    urllib would use for the loopback interface, too, are not touched here: give the client
    `no_proxy=127.0.0.1,localhost`, as the fixture `slack` does.
    """
    with running_loopback(functools.partial(web.answer, workspace)) as address:
        workspace.state.upload_url = address + web.UPLOADS
        yield RunningSlack(address + web.API, workspace)
