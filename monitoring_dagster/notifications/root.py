"""The root message: one incident as it stands now, to be understood in ten seconds.

It is edited in place with every change of state, so the state comes first. What is said in its
thread is `replies`; how texts become literal is `escaping`.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitoring_dagster.incidents.incident import (
    Context,
    Incident,
    NextStep,
    Priority,
    SignalState,
    Status,
)
from monitoring_dagster.notifications import blocks, wording
from monitoring_dagster.notifications.escaping import bold, cleaned, cut, length, sentence
from monitoring_dagster.notifications.escaping import mention as mention_of
from monitoring_dagster.notifications.message import Block, Form, Message

ICONS = {Priority.P1: "🔴", Priority.P2: "🟠", Priority.P3: "🟡", Priority.P4: "🔵"}

MOST = 5
"""Items of one list; the report has the others."""

DOUBTFUL = "possible duplicate"

_REACTIONS = {
    Status.OPEN: "react: 👀 acknowledge, 🔕 snooze a day, ✅ resolve",
    Status.ACKNOWLEDGED: "react: 🔕 snooze a day, ✅ resolve",
}

# Slack refuses blocks that are somewhere above 9,600 long in all, far below what its single limits
# add up to. With these and the limits below, a full message is at most 8,000 long.
_LONGEST_ITEM, _LONGEST_LINKS = 110, 1_500

_RETRAINING = "Retraining"

_STEPS = {
    NextStep.FIX_DATA: "🔧",
    NextStep.RETRAIN: "🔄",
    NextStep.WAIT: "⏳",
    NextStep.INVESTIGATE: "🔍",
    NextStep.FIX_SERVICE: "🔧",
    NextStep.FIX_MONITORING: "🔧",
    NextStep.ACCEPT: "👌",
    NextStep.APPROVE: "✋",
    NextStep.ROLL_BACK: "⏪",
}


def message(
    incident: Incident,
    *,
    form: Form,
    key: str,
    mention: str = "",
    is_doubtful: bool = False,
) -> Message:
    """The root message of an incident.

    Args:
        incident: as it stands now.
        form: how much of it to show.
        key: the notice's own key, carried by the first block.
        mention: whom the monitor's document wants to be called, as Slack writes it.
        is_doubtful: whether it may be there already, which the last line then says.
    """
    foot = _foot(incident, is_doubtful=is_doubtful)
    called = called_by(mention) if incident.is_open else ""
    return Message(
        text=f"{called}{_text(incident, is_doubtful=is_doubtful)}",
        blocks=blocks.marked(key, _blocks(incident, called, foot, form)),
        form=form,
        plain=_plain(incident, foot, form),
    )


def called_by(text: str) -> str:
    """A mention to begin a sentence with; empty for nobody."""
    return f"{mention_of(text)} " if text else ""


def title(incident: Incident) -> str:
    """Priority, state and what it is about, in one line; not escaped."""
    icon, state = _state(incident)
    about = incident.title
    if not about.startswith(incident.monitor):
        about = f"{incident.monitor}: {about}"
    return f"{icon} {incident.priority} {state} · {about}"


def standing(incident: Incident) -> str:
    """What has happened to it since it was opened; empty for one that is simply open."""
    said: list[str] = []
    if incident.status is Status.RESOLVED:
        at = f" {wording.instant(incident.resolved_at)}" if incident.resolved_at else ""
        because = f": {incident.resolved_because}" if incident.resolved_because else ""
        said.append(f"Resolved{at}{because}")
    elif incident.status is Status.ACKNOWLEDGED:
        by = _by(incident.acknowledged_by)
        at = f", {wording.instant(incident.acknowledged_at)}" if incident.acknowledged_at else ""
        said.append(f"Acknowledged{by}{at}")
    if _is_snoozed(incident) and incident.snoozed_until:
        said.append(f"snoozed until {wording.instant(incident.snoozed_until)}")
    if incident.reopened:
        said.append(f"came back {wording.times(incident.reopened)} after it was resolved")
    if incident.is_flapping:
        said.append("flapping: it comes and goes, so only this message is kept up to date")
    if incident.is_late:
        said.append("found late: its days are over, so nobody was called")
    text = "; ".join(said)
    return text[:1].upper() + text[1:]


def _by(person: str | None) -> str:
    """Who it was; whoever reacted is seen below the message, by name."""
    if person is None:
        return ""
    return " by a reaction" if person.startswith("slack:") else f" by {person}"


def _state(incident: Incident) -> tuple[str, str]:
    if incident.status is Status.RESOLVED:
        return "✅", "resolved"
    if _is_snoozed(incident):
        return "🔕", "snoozed"
    if incident.status is Status.ACKNOWLEDGED:
        return "👀", "acknowledged"
    return ICONS[incident.priority], "open, flapping" if incident.is_flapping else "open"


def _is_snoozed(incident: Incident) -> bool:
    until = incident.snoozed_until
    return incident.is_open and until is not None and until > incident.updated_at


def _what(incident: Incident) -> str:
    firing = [s.text for s in incident.signals if s.state is SignalState.FIRING]
    return incident.context.what or next(iter(firing), "") or incident.title


def _when(incident: Incident) -> tuple[str, str]:
    """Since when, and how many days; of what is over, from when to when."""
    first, last = incident.since, incident.last_day
    span = wording.counted(max((last - first).days, 0) + 1, "day")
    if not incident.is_open:
        return "Lasted", f"{span}, {wording.days(first, last)}"
    until = f" up to {wording.day(last)}" if first < last else ""
    return "Since", f"{wording.day(first)}, {span}{until}"


def _cost(context: Context) -> str:
    return wording.per_day(context.cost) if context.cost else ""


def _facts(incident: Incident) -> list[tuple[str, str]]:
    """Label and sentence of what answers: since when, how sure, how large, what it costs."""
    context = incident.context
    facts = [
        _when(incident),
        ("How sure", context.how_sure),
        ("How large", context.how_large),
        ("Costs", _cost(context)),
    ]
    return [(label, text) for label, text in facts if text]


def _lists(context: Context) -> list[tuple[str, Sequence[str]]]:
    """Label and items of what is affected, what failed and what has changed."""
    lists = [
        ("Columns, by impact", context.columns),
        ("Segments, by impact", context.segments),
        ("Failed checks", context.checks),
        ("What else changed", context.versions),
        ("Details", [f"{name}: {value}" for name, value in context.details]),
    ]
    return [(label, items) for label, items in lists if items]


def _follows(incident: Incident) -> str:
    """How many findings something upstream explains; they are counted and not listed."""
    count = sum(s.state is SignalState.SUPPRESSED for s in incident.signals)
    if not count:
        return ""
    follow = "follows" if count == 1 else "follow"
    return f"{wording.counted(count, 'further finding')} {follow} from it"


def _next(context: Context) -> tuple[str, str]:
    because = context.next_step_because
    return f"Next: {context.next_step}", f" – {because}" if because else ""


def _foot(incident: Incident, *, is_doubtful: bool) -> str:
    how = _REACTIONS.get(incident.status, "")
    end = [cut(incident.ref, 40), DOUBTFUL if is_doubtful else ""]
    return " · ".join(filter(None, [cut(incident.monitor, 64), how, *end]))


def _blocks(incident: Incident, called: str, foot: str, form: Form) -> list[Block]:
    match form:
        case Form.FULL:
            return _full(incident, called, foot)
        case Form.COMPACT:
            return _compact(incident, called, foot)
        case Form.TEXT:
            return []


def _full(incident: Incident, called: str, foot: str) -> list[Block]:
    context = incident.context
    shown = [blocks.header(title(incident))]
    if state := standing(incident):
        shown.append(blocks.section(bold(state, 500)))
    shown.append(blocks.section(f"{called}{sentence(_what(incident), 500)}"))
    shown.append(blocks.section(_labelled(_facts(incident), 300)))
    lists = [_listed(label, items) for label, items in _lists(context)]
    shown += [blocks.beside(lists[i : i + 2]) for i in range(0, len(lists), 2)]
    if follows := _follows(incident):
        shown.append(blocks.section(follows))
    if doing := _doing(incident, step=400, retraining=250):
        shown.append(blocks.section(doing))
    if links := _links(context):
        shown.append(blocks.section(links))
    return [*shown, blocks.context(foot)]


def _compact(incident: Incident, called: str, foot: str) -> list[Block]:
    facts = [f for f in _facts(incident) if f[0] not in {"How sure", "How large"}]
    lines = [sentence(standing(incident), 200), f"{called}{sentence(_what(incident), 300)}"]
    lines += [_labelled(facts, 150)]
    lines.append(_doing(incident, step=200, retraining=130))
    section = blocks.section("\n".join(filter(None, lines)))
    return [blocks.header(title(incident)), section, blocks.context(foot)]


def _text(incident: Incident, *, is_doubtful: bool) -> str:
    """All that a notification, a screen reader and the simplest form show; at most 500 long."""
    what = _what(incident)
    said = [
        sentence(title(incident), blocks.HEADER),
        sentence(standing(incident), 110),
        sentence(what, 120) if what != incident.title else "",
        f"next: {incident.context.next_step}" if incident.is_open else "",
    ]
    end = [sentence(incident.ref, 40), DOUBTFUL if is_doubtful else ""]
    return " · ".join(filter(None, [" – ".join(filter(None, said)), *end]))


def _plain(incident: Incident, foot: str, form: Form) -> str:
    context = incident.context
    lines = [cut(title(incident), 300), cut(standing(incident), 500), "", cut(_what(incident), 900)]
    lines += [f"{label}: {cut(text, 600)}" for label, text in _facts(incident)]
    if form is Form.FULL:
        for label, items in _lists(context):
            lines += [f"{label}:", *(f"- {cut(item, 300)}" for item in items[:MOST])]
            lines += [f"- {rest}"] if (rest := _rest(items)) else []
        lines += [follows] if (follows := _follows(incident)) else []
    lines += ["", cut("".join(_next(context)), 600)] if incident.is_open else []
    lines += [f"{_RETRAINING}: {cut(said, 600)}"] if (said := cleaned(incident.retraining)) else []
    safe = [(cut(to.text, 75), blocks.safe_url(to.url)) for to in context.links]
    lines += [f"{name}: {url}" for name, url in safe if url]
    return "\n".join(_without_gaps([*lines, "", foot]))


def _labelled(facts: Sequence[tuple[str, str]], limit: int) -> str:
    return "\n".join(f"*{label}:* {sentence(text, limit)}" for label, text in facts)


def _listed(label: str, items: Sequence[str]) -> str:
    lines = [f"• {sentence(item, _LONGEST_ITEM)}" for item in items[:MOST]]
    rest = _rest(items)
    return "\n".join([f"*{label}*", *lines, *([f"• {rest}"] if rest else [])])


def _rest(items: Sequence[str]) -> str:
    return f"and {len(items) - MOST:,} more" if len(items) > MOST else ""


def _doing(incident: Incident, *, step: int, retraining: int) -> str:
    """What to do first, and what is done already, each within its limit."""
    said = sentence(incident.retraining, retraining)
    lines = [_step(incident.context, step)] if incident.is_open else []
    lines += [f"*{_RETRAINING}:* {said}"] if said else []
    return "\n".join(lines)


def _step(context: Context, limit: int) -> str:
    step, because = _next(context)
    return f"{_STEPS[context.next_step]} *{step}* {sentence(because, limit)}".rstrip()


def _links(context: Context) -> str:
    """Links in a row; those that would make the message too long are left out."""
    shown: list[str] = []
    for to in context.links:
        link = blocks.link(to)
        if sum(map(length, shown)) + length(link) <= _LONGEST_LINKS:
            shown.append(link)
    return " · ".join(shown)


def _without_gaps(lines: Sequence[str]) -> list[str]:
    """Lines without empty ones in a row."""
    return [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
