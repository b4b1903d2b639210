r"""Text of foreign code as people may see it: without secrets, addresses and control characters.

What a trainer prints goes to messages and to the model registry. This catches what looks like a
secret; what a trainer says about the rows it was given is its author's care.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping

HIDDEN = "***"

_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|_PWD|CREDENTIAL|AUTH|WEBHOOK|DSN|_URL|_URI", re.IGNORECASE
)
_PLACE_NAME = re.compile(r"_(FILE|PATH|SOCK)$", re.IGNORECASE)
_SHORTEST_SECRET = 8

# Every repetition is bounded: a long line of one character must not take minutes.
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"//[^/@\s]{1,256}@"), f"//{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s{1,3}[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"(?i)(passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
            r"|credentials?|authorization)([\"']?\s{0,3}[:=]\s{0,3})(\"[^\"\n]*\"?|'[^'\n]*'?|\S+)"
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"\b(?:xox[a-z]|xapp)-[\w-]{8,}"), HIDDEN),
    (re.compile(r"\b(?:gh[opsu]_|github_pat_|glpat-|sk-|dapi|hf_)[\w-]{16,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), "(e-mail)"),
)


def redacted(text: str, secrets: Collection[str] = ()) -> str:
    r"""`text` without secrets and e-mail addresses, control characters written out.

    Args:
        text: of any origin.
        secrets: values that must not be shown, wherever they stand.

    >>> redacted("ask ann@example.org\r\npassword=abc \x1b[31mred", ["red"])
    'ask (e-mail)\npassword=*** \\x1b[31m***'
    >>> redacted("postgresql://me:pw@host/db, max_tokens: 5")
    'postgresql://***@host/db, max_tokens: 5'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c if c in "\n\t" or not _is_control(c) else _written_out(c) for c in lines)


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """Values of the environment that may be secret, by the names of their variables.

    >>> sorted(secrets_of({"SLACK_TOKEN": "xoxb-123456", "LANG": "en_GB.UTF-8", "API_KEY": "ab"}))
    ['xoxb-123456']
    """
    return frozenset(
        value
        for name, value in environment.items()
        if len(value) >= _SHORTEST_SECRET
        and _SECRET_NAME.search(name)
        and not _PLACE_NAME.search(name)
    )


def _is_control(character: str) -> bool:
    """Whether it is not seen, or reorders what is."""
    return (not character.isascii() and unicodedata.category(character)[0] == "C") or (
        character.isascii() and not character.isprintable()
    )


def _written_out(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
