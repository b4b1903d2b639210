"""A call's arguments, which arrive as JSON values or as form fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.slack.replies import Refused


class Arguments:
    """Reads arguments as Slack does: `1` and `true` are true, structures may be JSON text."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    @property
    def names(self) -> set[str]:
        """Those that are given."""
        return {name for name, value in self._given.items() if value is not None}

    def required(self, name: str) -> str:
        """Raises Refused: `invalid_arguments`."""
        if not (value := self.text(name)):
            raise Refused("invalid_arguments", f"missing required field: {name}")
        return value

    def text(self, name: str) -> str:
        """Empty where it is not given."""
        value = self._given.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """False where it is not given."""
        return self.text(name).lower() in {"1", "true"}

    def number(self, name: str, default: int, error: str) -> int:
        """Raises Refused with `error` if it is not a whole number."""
        if not (text := self.text(name)):
            return default
        try:
            return int(text)
        except ValueError:
            raise Refused(error) from None

    def structure(self, name: str, error: str) -> Any:
        """A list or an object; raises Refused with `error` for text that is not JSON."""
        value = self._given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(error) from None
