"""Arrow's compute functions under the name `pc`, untyped, and nothing else.

Arrow makes these functions when it is imported, so that no type checker can see them.
"""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute
