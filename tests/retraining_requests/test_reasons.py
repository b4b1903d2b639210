"""Reasons to train anew: what each needs, what each says, and what is never one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import pytest

from monitoring_dagster.decisions.verdict import Level, Reason, Verdict
from monitoring_dagster.retraining.action import Why
from monitoring_dagster.retraining.reasons.evidence import Evidence, Explained, Said
from monitoring_dagster.retraining.reasons.registry import REGISTRY
from monitoring_dagster.retraining.unexplained import DayLoss, Unexplained, measure
from tests.retraining_requests.flights import accuracy, day, document, moved, ranks

INPUTS, OTHER = [0.01, -0.01, 0.01, -0.01, 0.0], [0.08, 0.07, 0.09, 0.08, 0.08]
DAY = day(20)
BEGUN = day(-1)


@dataclass
class Known:
    """What a store might know; remembers what it was asked."""

    beyond: list[float] = field(default_factory=lambda: OTHER)
    incident_since: dt.date | None = None
    champion_since: dt.date = BEGUN
    labelled: int = 0
    asked: list[tuple[str, float | None, dt.date]] = field(default_factory=list)

    def unexplained(
        self, metric: str, reference: float | None, since: dt.date, until: dt.date
    ) -> Unexplained:
        assert since <= until
        self.asked.append((metric, reference, since))
        return measure(metric, [DayLoss(day(i), 0.2, b) for i, b in enumerate(self.beyond)], 0.1)

    def labelled_after(self, day: dt.date) -> int:
        assert day == self.champion_since
        return self.labelled


def said(*verdicts: Verdict, on: dt.date = DAY) -> Said:
    return Said(on, verdicts)


def test_proven_errors_that_inputs_do_not_explain_are_a_reason_since_they_began() -> None:
    known = Known()
    found = REGISTRY[Why.HARM](document(), [said(accuracy(since=day(12), days=9))], known)
    assert isinstance(found, Evidence)
    assert (found.why, found.since) == (Why.HARM, day(12))
    assert found.text.startswith(
        "errors are proven to have risen over 9 days; inputs that moved do not explain it: "
        "the loss in accuracy is 0.08 above"
    )
    assert known.asked == [("accuracy", 0.9, day(12))]


def test_proven_errors_that_inputs_explain_are_none_and_it_is_said_why() -> None:
    found = REGISTRY[Why.HARM](document(), [said(accuracy(days=9))], Known(INPUTS))
    assert isinstance(found, Explained)
    assert found.text.startswith(
        "errors are proven to have risen over 9 days, but inputs that moved may explain it"
    )


def test_where_it_cannot_be_told_the_proof_stands_alone_and_says_so() -> None:
    found = REGISTRY[Why.HARM](document(), [said(accuracy(days=9))], Known([]))
    assert isinstance(found, Evidence)
    assert "cannot be told: no day with final labels and an estimate" in found.text


def test_the_newest_judged_day_decides() -> None:
    days = [
        said(on=day(21)),
        said(accuracy(Level.OK), on=DAY),
        said(accuracy(days=8), on=day(19)),
    ]
    assert REGISTRY[Why.HARM](document(), days, Known()) is None
    unjudged = Verdict(accuracy().subject, Level.NO_DATA, Reason.PROVISIONAL, "")
    days[1] = said(unjudged)
    assert isinstance(REGISTRY[Why.HARM](document(), days, Known()), Evidence)


def test_an_exhausted_objective_is_a_reason_by_its_own_metric() -> None:
    known = Known(incident_since=day(5))
    found = REGISTRY[Why.EXHAUSTED](document(), [said(ranks(since=day(18)))], known)
    assert isinstance(found, Evidence)
    assert known.asked == [("roc_auc", 0.8, day(5))]
    assert (found.why, found.since) == (Why.EXHAUSTED, day(5))
    assert found.text.startswith("objective ranks is exhausted, with 3 bad days in its window; ")


@pytest.mark.parametrize(
    ("bad_since", "since"),
    [(day(18), day(18)), (None, day(20 - 27))],
    ids=["the bad days in a row", "four weeks on a good day"],
)
def test_without_an_incident_the_change_is_as_old_as(
    bad_since: dt.date | None, since: dt.date
) -> None:
    found = REGISTRY[Why.EXHAUSTED](document(), [said(ranks(since=bad_since))], Known())
    assert isinstance(found, Evidence)
    assert found.since == since


def test_an_exhausted_objective_that_inputs_explain_is_no_reason() -> None:
    found = REGISTRY[Why.EXHAUSTED](document(), [said(ranks())], Known(INPUTS))
    assert isinstance(found, Explained)


def test_an_objective_that_is_met_is_no_reason() -> None:
    met = ranks(Level.OK, left=0.5)
    assert REGISTRY[Why.EXHAUSTED](document(), [said(met)], Known()) is None


@pytest.mark.parametrize("why", [Why.HARM, Why.EXHAUSTED], ids=lambda why: why.value)
def test_drift_alone_is_never_a_reason(why: Why) -> None:
    known = Known()
    assert REGISTRY[why](document(), [said(moved(), moved("score"))], known) is None
    assert not known.asked


@pytest.mark.parametrize("why", [Why.HARM, Why.EXHAUSTED], ids=lambda why: why.value)
def test_a_reason_that_is_switched_off_is_none(why: Why) -> None:
    off = document(when={why.value: False})
    assert REGISTRY[why](off, [said(accuracy(days=9), ranks())], Known()) is None


def test_harm_in_a_part_of_the_traffic_is_no_reason() -> None:
    proven = accuracy(days=9)
    part = Verdict(proven.subject._replace(segment="carrier=UA"), proven.level, proven.reason, "")
    assert REGISTRY[Why.HARM](document(), [said(part)], Known()) is None


def test_a_champion_above_the_agreed_age_is_a_reason() -> None:
    agreed = document(when={"max_age_days": 20})
    found = REGISTRY[Why.AGE](agreed, [said(on=day(20)), said(on=day(3))], Known())
    assert found == Evidence(
        Why.AGE, "the champion dates from 2025-12-31 and is 21 days old; 20 are agreed", day(-1)
    )
    assert REGISTRY[Why.AGE](agreed, [said(on=day(19))], Known()) is None
    assert REGISTRY[Why.AGE](document(), [said(on=day(900))], Known()) is None


def test_labels_that_reach_the_quota_are_a_reason() -> None:
    quota = document(when={"new_labels": 5_000})
    found = REGISTRY[Why.NEW_LABELS](quota, [said()], Known(labelled=5_000))
    assert found == Evidence(
        Why.NEW_LABELS,
        "5,000 labelled rows are final since 2025-12-31, the quota is 5,000",
        day(-1),
    )
    assert REGISTRY[Why.NEW_LABELS](quota, [said()], Known(labelled=4_999)) is None
    assert REGISTRY[Why.NEW_LABELS](document(), [said()], Known(labelled=9_999)) is None
