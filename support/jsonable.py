"""Results as JSON that every reader can parse: JSON has neither NaN nor infinity."""

from __future__ import annotations

import json
import math
from typing import Any


def plain(value: Any) -> Any:
    """The same in the types of JSON: what is not finite is None, complex numbers [real, imaginary],
    arrays and tuples lists, keys text.
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # of NumPy, without importing it
        return plain(value.tolist())
    if isinstance(value, complex):
        return [plain(value.real), plain(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def json_text(value: Any) -> str:
    """Indented JSON of `plain(value)`."""
    return json.dumps(plain(value), indent=1, allow_nan=False)
