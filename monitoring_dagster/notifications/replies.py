"""Replies: what is said in an incident's thread when it gets worse, lasts, comes back or ends.

Short, since the root message above them holds the facts. Which replies are owed is decided in
`incidents`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Self

from monitoring_dagster.notifications import blocks
from monitoring_dagster.notifications.escaping import bold, cut, mention, sentence
from monitoring_dagster.notifications.message import Block, Form, Message, NoticeKind
from monitoring_dagster.notifications.root import DOUBTFUL

ICONS = {
    NoticeKind.ESCALATION: "🚨",
    NoticeKind.REMINDER: "⏰",
    NoticeKind.REOPENING: "🔁",
    NoticeKind.RESOLUTION: "✅",
    NoticeKind.REMARK: "🧪",
}

MOST = {Form.FULL: 8, Form.COMPACT: 3, Form.TEXT: 0}
"""Lines of one reply."""


def message(
    kind: NoticeKind,
    payload: Mapping[str, object],
    *,
    form: Form,
    key: str,
    is_doubtful: bool = False,
) -> Message:
    """One reply.

    Args:
        kind: why it is said; its icon comes first.
        payload: `headline`, `lines`, `mention` (of the monitor's document, or None), `ref` and
            `monitor`, as the outbox keeps them.
        form: how much of it to show.
        key: the notice's own key, carried by the first block.
        is_doubtful: whether it may be there already, which the last line then says.
    """
    reply = _Reply.of(kind, payload, is_doubtful=is_doubtful)
    return Message(
        text=" · ".join(
            [reply.called(sentence(reply.headline, 250)), *(sentence(p, 70) for p in reply.foot)]
        ),
        blocks=blocks.marked(key, _blocks(reply, form)),
        form=form,
        plain="\n".join(
            [
                f"{reply.icon} {cut(reply.headline, 300)}",
                *(f"- {cut(line, 500)}" for line in reply.lines[: MOST[form]]),
                " · ".join(reply.foot),
            ]
        ),
    )


def is_reminder(text: str) -> bool:
    """Whether the text of a posted reply is a reminder's: many in a row say nothing new."""
    return text.startswith(ICONS[NoticeKind.REMINDER])


class _Reply(NamedTuple):
    """What a reply says, as the outbox keeps it; not escaped but for the mention."""

    icon: str
    mention: str
    headline: str
    lines: tuple[str, ...]
    foot: tuple[str, ...]

    @classmethod
    def of(cls, kind: NoticeKind, payload: Mapping[str, object], *, is_doubtful: bool) -> Self:
        lines = payload.get("lines")
        monitor, ref = (cut(_text_of(payload, name), 64) for name in ("monitor", "ref"))
        return cls(
            icon=ICONS.get(kind, "💬"),
            mention=mention(_text_of(payload, "mention")),
            headline=_text_of(payload, "headline") or str(kind),
            lines=tuple(map(str, lines)) if isinstance(lines, (list, tuple)) else (),
            foot=tuple(filter(None, [monitor, ref, DOUBTFUL if is_doubtful else ""])),
        )

    def called(self, said: str) -> str:
        """What is said, after the icon and whoever is called."""
        return " ".join(filter(None, [self.icon, self.mention, said]))


def _blocks(reply: _Reply, form: Form) -> list[Block]:
    if form is Form.TEXT:
        return []
    said = [f"• {sentence(line, 250)}" for line in reply.lines[: MOST[form]]]
    first = reply.called(bold(reply.headline, 400))
    return [blocks.section("\n".join([first, *said])), blocks.context(" · ".join(reply.foot))]


def _text_of(payload: Mapping[str, object], name: str) -> str:
    value = payload.get(name)
    return value if isinstance(value, str) else ""
