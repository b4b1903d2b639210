"""A deployment whose doctor is called, and the Slack that it speaks with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitoring_dagster.doctor import Finding, examine
from monitoring_dagster.doctor_alerts import rehearse
from monitoring_dagster.settings import Settings
from tests.slack.clock import HandClock
from tests.slack.fixtures import Slack, slack
from tests.small_world import SmallWorld, days_from

__all__ = ["slack"]


@dataclass
class Patient:
    """A deployment, as the doctor sees it; time passes by itself only where somebody waits."""

    env: dict[str, str]
    clock: HandClock
    home: Path
    pauses: list[float] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        """What its environment says."""
        return Settings.from_environment(self.env)

    def findings(self) -> dict[str, Finding]:
        """What the doctor finds, by what was examined."""
        return {f.what: f for f in examine(self.settings, self.env, self.clock.now)}

    def tried(self) -> list[Finding]:
        """What comes of a rehearsal, step by step."""
        return list(rehearse(self.settings, self.env, self.clock.now, self.wait))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.pauses.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    """A deployment without any way of telling people."""
    clock = HandClock()
    today = clock.now().date()
    world = SmallWorld(tmp_path, reference=days_from(today, 1), days=days_from(today, 1), rows=5)
    return Patient(dict(world.env), clock, world.home)


@pytest.fixture
def connected(patient: Patient, slack: Slack) -> Patient:
    """The same, connected with a workspace whose bot is in `#model-alerts`."""
    patient.clock = slack.clock
    patient.env |= {
        "MONITORING_DAGSTER_SLACK_TOKEN": slack.token,
        "MONITORING_DAGSTER_SLACK_CHANNEL": "#model-alerts",
        "MONITORING_DAGSTER_SLACK_BASE_URL": slack.url,
        "MONITORING_DAGSTER_SLACK_ALLOW_INSECURE": "1",
    }
    return patient
