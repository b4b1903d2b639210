"""What every part of a document is: closed, frozen and strict.

The parts themselves are `contract`, `objectives`, `responses` and `alerting`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the document: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_enum_values=False)
