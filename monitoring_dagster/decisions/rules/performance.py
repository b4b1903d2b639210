"""Performance: how well was predicted, and whether the model has come to do harm.

A change warns. Harm pages: more errors than the reference allows, proven by an e-detector and
larger than what counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitoring_dagster.decisions.detectors.e_detector import days_to_detect
from monitoring_dagster.decisions.harm import Harm
from monitoring_dagster.decisions.rules.findings import verdict
from monitoring_dagster.decisions.rules.operations import changed
from monitoring_dagster.decisions.series import Finding
from monitoring_dagster.decisions.verdict import Level, Reason, Subject, Verdict
from monitoring_dagster.decisions.wording import number
from monitoring_dagster.profiles.profile import ALL


def judge(findings: Sequence[Finding], harms: Mapping[Subject, Harm]) -> list[Verdict]:
    """A verdict for each metric and group; where harm is proven, that counts more."""
    verdicts: list[Verdict] = []
    for finding in findings:
        subject = finding.watched.subject
        where = "" if subject.segment == ALL else f" in {subject.segment}"
        found = verdict(finding, f"{changed(finding)}{where}")
        harm = harms.get(subject)
        verdicts.append(found if harm is None else _with_harm(found, harm, where))
    return verdicts


def _with_harm(found: Verdict, harm: Harm, where: str) -> Verdict:
    """The same verdict with what the e-detector says."""
    about = {
        "tolerated_loss": harm.tolerance.mean,
        "loss": harm.losses.mean,
        "log_e": harm.evidence,
        "log_e_threshold": math.log1p(harm.threshold),
        "days_to_detect": _days(found, harm),
    }
    found = replace(found, details={**found.details, **about})
    if not harm.is_proven:
        return found
    today, tolerated = _percent(harm.losses.mean), _percent(harm.tolerance.mean)
    text = (
        f"errors{where} have risen beyond what the reference allows: {_percent(harm.rise.mean)} "
        f"over {harm.rise.days} days ({today} today), {tolerated} are tolerated; "
        f"{changed(harm.finding)}"
    )
    return replace(
        found,
        level=Level.CRITICAL,
        reason=Reason.HARMFUL,
        text=text,
        evidence=harm.evidence,
        threshold=math.log1p(harm.threshold),
        since=harm.rise.since,
        days=harm.rise.days,
    )


def _days(found: Verdict, harm: Harm) -> float | None:
    """Days until a rise by the minimum effect would be proven at today's number of labels."""
    if found.minimum_effect is None:
        return None
    risen = harm.tolerance.mean + found.minimum_effect
    days = days_to_detect(harm.tolerance.mean, risen, harm.losses.n, 1 + harm.threshold)
    return round(days, 1) if math.isfinite(days) else None


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"
