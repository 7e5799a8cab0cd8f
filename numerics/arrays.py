"""The array type of the measurements."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
"""A NumPy array; float64 unless a docstring says otherwise."""
