"""What later rooms may ask of a model, and nothing about where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Model(Protocol):
    """A model that answers rows with scores."""

    @property
    def features(self) -> Sequence[str]:
        """The columns that it reads, by their names in the rows."""
        ...

    def predict(self, rows: pa.Table) -> NDArray[np.float64]:
        """What the model answers, one entry per row.

        Args:
            rows: hold at least the `features`; nulls are missing values.

        Returns:
            Scores of shape (n,) for a binary model (the probability of its positive class) and a
            regression (the prediction), and of shape (n, k) for k classes.

        Raises:
            ModelRefused: the model cannot answer such rows.
            ModelUnavailable: it runs elsewhere, and does not answer now.
        """
        ...
