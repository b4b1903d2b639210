"""Escaping: how texts from outside are shown as they are, whatever they hold.

Names, values and sentences come from telemetry and from people: none may become a mention, a link
or formatting. Lengths are counted in UTF-16 units, the most that any part of Slack counts; what
blocks are made of is `blocks`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

ELLIPSIS = "…"
EMPTY = "(empty)"

# Category C: controls, invisible and bidirectional format characters, lone surrogates. They hide
# or reorder what people read, and PostgreSQL and JSON refuse some of them.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co"})

# Slack takes a backtick for code only between spaces or punctuation; anywhere else it is shown,
# and what stands behind it is formatted.
_CODE = re.compile(r"(?<![^\s(])`([^`\s]+(?: [^`\s]+)*)`(?=$|[\s,.;:)!?])")

# Words that Slack would format, link, quote or turn into an emoji. There is no escape for them
# but code, which is what most of them are: `roc_auc`, `user.age`, `jane@example.org`.
_RISKY = re.compile(r"[*_~@#]|^>|://|:[\w+'-]+:|[\w-]\.[^\W\d_]{2,}")

_MENTION = re.compile(r"<@[UW][A-Z0-9]{2,30}>|<!subteam\^S[A-Z0-9]{2,30}>|<!here>")


class _Piece(NamedTuple):
    """A stretch of a sentence, `glue` being what stands before it."""

    glue: str
    text: str
    is_code: bool


def length(text: str) -> int:
    """Length in UTF-16 units, never less than the number of code points.

    >>> length("abc"), length("🔴")
    (3, 2)
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def escaped(text: str) -> str:
    """`text` with Slack's three special characters as entities.

    >>> escaped("<!channel> & <@U1>")
    '&lt;!channel&gt; &amp; &lt;@U1&gt;'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cleaned(text: str) -> str:
    r"""`text` on one line, without characters that are invisible or reorder what is read.

    >>> cleaned("a\n\tb\u202e\x00c ")
    'a bc'
    """
    folded = " ".join(text.split())
    if folded.isascii() and folded.isprintable():
        return folded
    visible = "".join(c for c in folded if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(visible.split())


def cut(text: str, limit: int) -> str:
    """`text` cleaned and not escaped, for e-mail, files and Slack's plain text.

    >>> cut("humidity", 5), cut("humid", 5)
    ('humi…', 'humid')
    """
    clean = cleaned(text)
    return clean if length(clean) <= limit else _head(clean, limit - 1, length).rstrip() + ELLIPSIS


def literal(text: str, limit: int = 80) -> str:
    """A name or value as code, at most `limit` long; never empty.

    >>> literal("<!channel>"), literal("a`b"), literal("humidity", 6)
    ('`&lt;!channel&gt;`', '`ab`', '`hum…`')
    """
    clean = cleaned(text.replace("`", "")) or EMPTY
    return _fitting([_Piece("", clean, is_code=True)], limit)


def sentence(text: str, limit: int) -> str:
    """A sentence as mrkdwn, at most `limit` long; what Slack would format is shown as code.

    Pairs of backticks, by which verdicts mark columns, stay where they are balanced and stand by
    themselves.

    >>> sentence("`temp` moved by 1.85 σ; roc_auc is <0.6", 80)
    '`temp` moved by 1.85 σ; `roc_auc` is &lt;0.6'
    >>> sentence("*bold* <@U1> `odd :tada: http://x.y", 80)
    '`*bold*` `&lt;@U1&gt;` odd `:tada:` `http://x.y`'
    """
    return _fitting(_pieces(cleaned(text)), limit)


def bold(text: str, limit: int) -> str:
    """The same in bold; code within it stays code.

    >>> bold("`temp` moved", 80)
    '`temp` *moved*'
    """
    # Each run of words may cost two asterisks, and there are as many runs as pieces at most.
    pieces = _pieces(cleaned(text))
    room = limit - 2 * (sum(p.is_code for p in pieces) + 1)
    if room < limit // 2:
        return _fitting(pieces, limit)
    plain = _fitting(pieces, room)
    parts = re.split(r"(`[^`]*`[,.;:!?)]*)", plain)
    return "".join(part if part.startswith("`") else _emboldened(part) for part in parts)


def mention(text: str | None) -> str:
    """A user, a user group or `<!here>` as Slack writes it; anything else is shown as it is.

    >>> mention("<@U0G9QF9C6>"), mention("<!channel>"), mention(None)
    ('<@U0G9QF9C6>', '`&lt;!channel&gt;`', '')
    """
    if not text:
        return ""
    return text if _MENTION.fullmatch(text) else literal(text)


def _pieces(clean: str) -> list[_Piece]:
    if clean.count("`") % 2:
        return _words(clean.replace("`", ""))
    pieces: list[_Piece] = []
    end = 0
    for found in _CODE.finditer(clean):
        pieces += _words(clean[end : found.start()].replace("`", ""))
        pieces.append(_Piece("", found[1], is_code=True))
        end = found.end()
    return pieces + _words(clean[end:].replace("`", ""))


def _words(text: str) -> list[_Piece]:
    """The words of a stretch without backticks, each with the spaces before it."""
    pieces: list[_Piece] = []
    end = 0
    for found in re.finditer(r"(\s*)(\S+)", text):
        glue, word = found.groups()
        end = found.end()
        if not _RISKY.search(word):
            pieces.append(_Piece(glue, word, is_code=False))
            continue
        core = _without_trailing(word)
        pieces.append(_Piece(glue, core, is_code=True))
        if word != core:
            pieces.append(_Piece("", word[len(core) :], is_code=False))
    if text[end:]:
        pieces.append(_Piece(text[end:], "", is_code=False))
    return pieces


def _without_trailing(word: str) -> str:
    """A word without the punctuation that ends it; a colon may belong to an emoji or a URL."""
    core = word.rstrip(",.;!?")
    return (core[:-1] if core.endswith(":") and core.count(":") == 1 else core) or word


def _fitting(pieces: list[_Piece], limit: int) -> str:
    """The pieces as mrkdwn, as many as fit; the one that does not is cut."""
    spaced = _spaced(pieces)
    whole = [_mrkdwn(piece) for piece in spaced]
    if sum(map(length, whole)) <= limit:
        return "".join(whole).strip()
    shown: list[str] = []
    room = limit
    for piece, text in zip(spaced, whole, strict=True):
        if length(text) + length(ELLIPSIS) > room:
            shown.append(_cut_piece(piece, room))
            break
        shown.append(text)
        room -= length(text)
    return "".join(shown).strip()


def _spaced(pieces: list[_Piece]) -> list[_Piece]:
    """Pieces of which no two codes touch: two backticks in a row are not one end and one start."""
    spaced: list[_Piece] = []
    for piece in pieces:
        touches = bool(spaced) and spaced[-1].is_code and piece.is_code and not piece.glue
        spaced.append(piece._replace(glue=" ") if touches else piece)
    return spaced


def _mrkdwn(piece: _Piece) -> str:
    text = escaped(piece.text)
    return f"{piece.glue}`{text}`" if piece.is_code else f"{piece.glue}{text}"


def _cut_piece(piece: _Piece, room: int) -> str:
    """As much of a piece as there is room for, and the ellipsis."""
    room -= length(piece.glue) + length(ELLIPSIS) + 2 * piece.is_code
    head = _head(piece.text, room, lambda character: length(escaped(character))).rstrip()
    return _mrkdwn(piece._replace(text=head + ELLIPSIS)) if head else ELLIPSIS


def _head(text: str, room: int, measure: Callable[[str], int]) -> str:
    for place, character in enumerate(text):
        room -= measure(character)
        if room < 0:
            return text[:place]
    return text


def _emboldened(text: str) -> str:
    """Asterisks hold only where they touch words; a semicolon may end an entity."""
    core = text.strip(" ,.:!?()")
    if not core:
        return text
    before, after = text.split(core, 1)
    return f"{before}*{core}*{after}"
