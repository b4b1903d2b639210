"""Evidently, NannyML and whylogs, each at its defaults, in an environment of their own.

They need older packages than ours, so their runners import nothing of this repository.
"""

from __future__ import annotations

from benchmarks.peers.environment import python
from benchmarks.peers.running import TOOLS, PeerFailed, run

__all__ = ["TOOLS", "PeerFailed", "python", "run"]
