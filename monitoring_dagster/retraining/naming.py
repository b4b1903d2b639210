"""Names and texts as MLflow takes them: legal characters, limited lengths, different ones apart.

What is named is decided in `tracking` and `registering`.
"""

from __future__ import annotations

import hashlib
import re

from monitoring_dagster.monitors.contract import Monitor
from monitoring_dagster.notifications.escaping import cut

MOST_OF_A_NAME = 250
MOST_OF_A_PARAMETER = 6_000
MOST_OF_A_TAG = 5_000
"""MLflow takes 8,000 characters, and its older databases 5,000."""

CHAMPION, CHALLENGER = "champion", "challenger"

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#<>|~!])")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_\-. :]")
_REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/\d+)")


def legal_name(*parts: str) -> str:
    """The name of a metric or parameter from its parts; names that differ stay different.

    Letters, digits, `_`, `-`, `.`, space, `:` and `/` between the parts are all that MLflow allows.
    An equals sign becomes a colon; of anything else that had to go, a hash remains.

    >>> legal_name("challenger", "segment", "roc_auc", "carrier=UA")
    'challenger/segment/roc_auc/carrier:UA'
    >>> legal_name("challenger", "region=Côte d'Azur")
    'challenger/region:C_te d_Azur-d26641ed'
    """
    return _kept(parts, "/".join(_legal(part) for part in parts))


def parameter(value: object) -> str:
    """A parameter's value as text, cut to what MLflow keeps.

    >>> parameter(0.05), parameter(None)
    ('0.05', 'None')
    """
    return cut(str(value), MOST_OF_A_PARAMETER)


def tag(value: object) -> str:
    """A tag's value as text on one line, cut to what MLflow keeps."""
    return cut(str(value), MOST_OF_A_TAG)


def markdown(text: str) -> str:
    r"""A text that Markdown shows as it is, cut to what MLflow keeps of a tag.

    >>> print(markdown("age_band: [a](b)"))
    age\_band: \[a\]\(b\)
    """
    return cut(_MARKDOWN.sub(r"\\\1", text), MOST_OF_A_TAG)


def registered_name(monitor: Monitor) -> str:
    """The name that the monitor's models are registered under: that of `model.uri`, or its own."""
    named = _REGISTERED.fullmatch(monitor.model.uri or "")
    return named["name"] if named else monitor.name


def champion_alias(monitor: Monitor) -> str:
    """The alias that says which version is in production: that of `model.uri`, or `champion`."""
    named = _REGISTERED.fullmatch(monitor.model.uri or "")
    return (named and named["alias"]) or CHAMPION


def _legal(part: str) -> str:
    clean = _ILLEGAL.sub("_", part.replace("=", ":"))
    # MLflow reads names as paths, in which these would be the folder itself, or the one above.
    return clean if clean.strip(".") else f"_{clean}"


def _kept(parts: tuple[str, ...], name: str) -> str:
    """The name, marked by a hash of the parts where it alone could be another's."""
    whole = "/".join(parts)
    if name.replace(":", "=") == whole and len(name) <= MOST_OF_A_NAME:
        return name
    mark = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: MOST_OF_A_NAME - len(mark) - 1]}-{mark}"
