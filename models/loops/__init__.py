"""Loops as people have them in torch: measured as they are, and left as they were found."""

from __future__ import annotations

from importlib import import_module

from ...support.optional import optional

with optional("models"):
    import_module("torch")
