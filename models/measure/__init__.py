"""Measurements of trained loops: accuracy, orbits, derivatives, and theory against practice."""

from __future__ import annotations

from importlib import import_module

from ...support.optional import optional

with optional("models"):
    import_module("torch")
