"""The probe: a message by which the doctor tries out a channel.

It is posted, looked up, edited and deleted again; none of that happens here.
"""

from __future__ import annotations

from monitoring_dagster.notifications import blocks
from monitoring_dagster.notifications.escaping import cut, sentence
from monitoring_dagster.notifications.message import Form, Message

POSTED = "If you can read this, incidents will reach this channel. Nobody has to do anything."
EDITED = "The message was found again and edited. It will be deleted in a moment."


def message(said: str = POSTED, *, form: Form, key: str, ref: str) -> Message:
    """A message that nobody has to act on.

    Args:
        said: `POSTED`, or `EDITED` to see that an edit arrives.
        form: how much of it to show.
        key: the probe's own key, carried by the first block.
        ref: its visible short name.
    """
    title = "🩺 Test message of monitoring-dagster"
    foot = f"sent by monitoring-dagster doctor · {cut(ref, 40)}"
    shown = [blocks.header(title), blocks.section(sentence(said, 200)), blocks.context(foot)]
    return Message(
        text=f"{title}: {sentence(said, 200)} · {sentence(ref, 40)}",
        blocks=[] if form is Form.TEXT else blocks.marked(key, shown),
        form=form,
        plain=f"{title}\n{cut(said, 200)}\n{cut(ref, 40)}",
    )
