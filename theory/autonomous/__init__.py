"""Loops without recall: A1-A5, M3, M6."""

from __future__ import annotations

from theory.autonomous.linear import A1

CLAIMS = (A1,)
