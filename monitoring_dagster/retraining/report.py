"""The validation report: why a challenger was let pass or not, as one page that needs nothing else.

It shows what the gate decided and decides nothing; counts below 10 and what they would say are
left out. The page's text and looks are `report.html`, its plots `plots`.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from monitoring_dagster.decisions.wording import number
from monitoring_dagster.notifications import wording
from monitoring_dagster.notifications.escaping import cleaned
from monitoring_dagster.retraining.action import Action, Why
from monitoring_dagster.retraining.gate.decision import Check, CheckKind, Decision, Outcome
from monitoring_dagster.retraining.plots import Plot
from monitoring_dagster.retraining.tracking import FEWEST_ROWS, DataWindow

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
PACKAGE, TEMPLATE = "monitoring_dagster.retraining", "report.html"

WHY = {
    Why.HARM: "Errors are proven to have risen",
    Why.EXHAUSTED: "An objective is used up",
    Why.AGE: "The champion is too old",
    Why.NEW_LABELS: "Enough new labels have come",
    Why.BY_HAND: "Asked for by a person",
}
KINDS = {
    CheckKind.PRIMARY: "Primary metric",
    CheckKind.ANSWERS: "Answers",
    CheckKind.GUARD: "Guard",
    CheckKind.CALIBRATION: "Calibration",
    CheckKind.SEGMENT: "Segment",
    CheckKind.PROTECTED: "Protected group",
    CheckKind.NEWEST: "Newest days",
    CheckKind.FLIPS: "Right turned wrong",
    CheckKind.LATENCY: "Latency",
}

_STRIP, _EDGE = 120.0, 6.0


@dataclass(frozen=True)
class Report:
    """What the page is about.

    Args:
        action: what was owed, why, and its plan with the excluded days.
        decision: of the gate.
        windows: the data of training and validation.
        written_at: when the page is written.
        incident: ref of the incident behind the action, and `incident_title` what it says.
        champion: version in production; the action's by default.
        challenger: version that wants its place; the action's by default.
        plots: in the order of the page.
        facts: what the training can be repeated with: trainer, seed, parameters, packages.
        pages: addresses by name, such as of the MLflow run; others than http and https are left
            out.
    """

    action: Action
    decision: Decision
    windows: Sequence[DataWindow]
    written_at: dt.datetime
    incident: str = ""
    incident_title: str = ""
    champion: str = ""
    challenger: str = ""
    plots: Sequence[Plot] = ()
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    pages: Mapping[str, str] = field(default_factory=dict[str, str])


class Strip(NamedTuple):
    """A gain and its interval as positions on a strip of 120 units; zero is in the middle."""

    low: float
    gain: float
    high: float
    required: float | None


def page(report: Report) -> str:
    """The report as an HTML document without outside requests.

    Whatever texts from outside hold is shown literally.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = files(PACKAGE).joinpath(TEMPLATE).read_text(encoding="utf-8")
    action = report.action
    return environment.from_string(source).render(
        policy=POLICY,
        monitor=action.monitor,
        ref=action.ref,
        is_passed=report.decision.is_passed,
        headline=headline(report),
        because=_because(report.decision),
        summary=_summary(report),
        led=_led(report),
        evidence=action.evidence,
        pages={name: url for name, url in report.pages.items() if _is_web(url)},
        checks=_checks(report.decision),
        windows=[_window(window) for window in report.windows],
        excluded=_excluded(action.plan.get("excluded", ())),
        plots=[_picture(plot) for plot in report.plots],
        facts=report.facts,
        written=wording.instant(report.written_at),
    )


def headline(report: Report) -> str:
    """The decision in one sentence."""
    new = _version(report.challenger or report.action.challenger, "The challenger")
    old = _version(report.champion or report.action.champion, "the champion")
    if report.decision.is_passed:
        return f"{new} may replace {_small(old)}"
    return f"{new} does not replace {_small(old)}"


def _version(version: str, otherwise: str) -> str:
    return f"Version {version}" if version else otherwise


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def _because(decision: Decision) -> str:
    """What is in the way, or what speaks for it, without what few rows say."""
    blocking = [check for check in decision.checks if check.is_in_the_way]
    told = [check.text for check in blocking or decision.checks[:1] if not _is_few(check)]
    if not told:
        return "Too few rows could be compared." if decision.checks else "Nothing was compared."
    first = told[0].rstrip(".")
    others = len(blocking) - 1
    if others < 1:
        return f"{first}."
    more = wording.counted(others, "other check")
    return f"{first}; {more} {'is' if others == 1 else 'are'} in the way, too."


def _summary(report: Report) -> dict[str, str]:
    decision = report.decision
    counts = [check.outcome.value for check in decision.checks]
    outcomes = [f"{counts.count(each)} {each}" for each in Outcome if each.value in counts]
    return {
        "Champion": report.champion or report.action.champion or "unknown",
        "Challenger": report.challenger or report.action.challenger or "not registered",
        "Compared on": _span([decision.first_day, decision.last_day]),
        "Labelled rows": _rows(decision.rows),
        "Checks": ", ".join(outcomes) or "none",
        "Confidence": f"{100 * decision.confidence:g} %",
    }


def _led(report: Report) -> dict[str, str]:
    action = report.action
    incident = " · ".join(filter(None, (report.incident, report.incident_title)))
    told = {
        "Reason": WHY[action.why],
        "Incident": incident or "none",
        "Requested": f"{wording.instant(action.requested_at)} by {action.requested_by}",
    }
    if action.since is not None:
        told["Wrong since"] = wording.day(action.since)
    return told


def _checks(decision: Decision) -> list[dict[str, Any]]:
    reach = _reach(decision.checks)
    return [_check(check, reach.get((check.kind, check.metric), 0.0)) for check in decision.checks]


def _check(check: Check, reach: float) -> dict[str, Any]:
    is_few = _is_few(check)
    figures = {
        name: "–" if is_few else _figure(value)
        for name, value in (
            ("champion", check.champion),
            ("challenger", check.challenger),
            ("required", check.required),
        )
    }
    return {
        "kind": KINDS[check.kind],
        "metric": check.metric,
        "segment": "" if check.segment == "all" else check.segment,
        "rows": _rows(check.rows) if check.rows else "–",
        "days": wording.counted(check.days, "day") if check.days else "",
        "outcome": check.outcome.value,
        "is_in_the_way": check.is_in_the_way,
        "gain": "–" if is_few else _signed(check.gain),
        "interval": "" if is_few else _interval(check),
        "strip": None if is_few else _strip(check, reach),
        "text": "Fewer than 10 rows: not shown." if is_few else check.text,
        **figures,
    }


def _is_few(check: Check) -> bool:
    """Whether it tells of a few rows; without any it tells of none, such as of latency."""
    return 0 < check.rows < FEWEST_ROWS


def _reach(checks: Iterable[Check]) -> dict[tuple[CheckKind, str], float]:
    """The widest gain of each kind and metric, which its strips share."""
    reach: dict[tuple[CheckKind, str], float] = {}
    for check in checks:
        if not _is_few(check):
            ends = [abs(end) for end in map(_finite, _ends(check)) if end is not None]
            key = (check.kind, check.metric)
            reach[key] = max(reach.get(key, 0.0), *ends, 0.0)
    return reach


def _ends(check: Check) -> tuple[float | None, ...]:
    return (check.gain, check.low, check.high, check.required)


def _strip(check: Check, reach: float) -> Strip | None:
    """The gain on its strip; a dot alone where it has no interval, None where it has no value."""
    gain, low, high, required = (_finite(end) for end in _ends(check))
    if gain is None or reach <= 0:
        return None

    def place(value: float) -> float:
        return round(_STRIP / 2 + value / reach * (_STRIP / 2 - _EDGE), 1)

    return Strip(
        place(gain if low is None else low),
        place(gain),
        place(gain if high is None else high),
        None if required is None else place(required),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _figure(value: float | None) -> str:
    """A figure of a check: four decimals, so that a column lines up, or three digits.

    >>> _figure(0.70234), _figure(-0.02), _figure(0.00000213), _figure(None)
    ('0.7023', '−0.0200', '2.13e−06', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    lines_up = value == 0 or 0.001 <= abs(value) < 10
    return (f"{value:.4f}" if lines_up else number(value)).replace("-", "−")


def _signed(value: float | None) -> str:
    return f"+{_figure(value)}" if _finite(value) and (value or 0) > 0 else _figure(value)


def _interval(check: Check) -> str:
    if check.low is None or check.high is None:
        return ""
    return f"{_signed(check.low)} to {_signed(check.high)}"


def _rows(count: int) -> str:
    return f"{count:,}" if count >= FEWEST_ROWS else f"fewer than {FEWEST_ROWS}"


def _window(window: DataWindow) -> dict[str, str]:
    return {
        "use": window.use.capitalize(),
        "span": _span(window.days),
        "days": f"{len(window.days):,}",
        "rows": _rows(window.rows),
        "digest": window.digest,
    }


def _span(days: Sequence[str]) -> str:
    if not days or not all(days):
        return "no days"
    return wording.days(dt.date.fromisoformat(days[0]), dt.date.fromisoformat(days[-1]))


def _excluded(days: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Days that were left out, those in a row with one reason together."""
    told = sorted((dt.date.fromisoformat(each["day"]), each["because"]) for each in days)
    places = list(enumerate(told))
    runs = groupby(places, key=lambda p: (p[1][1], p[1][0].toordinal() - p[0]))
    found: list[dict[str, str]] = []
    for (because, _), run in runs:
        held = [day for _, (day, _) in run]
        span = wording.days(held[0], held[-1])
        count = f" ({len(held)} days)" if len(held) > 1 else ""
        found.append({"span": f"{span}{count}", "because": because})
    return found


def _picture(plot: Plot) -> dict[str, str]:
    data = base64.b64encode(plot.svg.encode()).decode()
    return {
        "title": plot.title,
        "alternative": plot.alternative,
        "source": f"data:image/svg+xml;base64,{data}",
    }


def _is_web(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False


def _shown(value: object) -> object:
    """Texts without what is invisible or reorders what is read."""
    return cleaned(value) if isinstance(value, str) else value
