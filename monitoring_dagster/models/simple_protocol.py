"""Our own contract of scoring, deploy/scoring.openapi.yaml: columns and rows in, scores out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from monitoring_dagster.models.endpoint import columns_of


@dataclass(frozen=True)
class SimpleProtocol:
    """POST {"columns": [...], "rows": [[...]]}, answered by {"scores": [...]}."""

    path: str

    def written(self, values: Mapping[str, pa.ChunkedArray]) -> Any:
        """A batch of rows.

        >>> SimpleProtocol("").written({"age": pa.chunked_array([[30, None]])})
        {'columns': ['age'], 'rows': [[30], [None]]}
        """
        rows = zip(*columns_of(values), strict=True)
        return {"columns": list(values), "rows": [list(row) for row in rows]}

    def read(self, answer: Any) -> Any:
        """The scores in an answer."""
        return answer["scores"]
