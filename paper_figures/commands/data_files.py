"""The option --data TASK=FILE of commands for several tasks."""

import tyro

DataFiles = tyro.conf.UseAppendAction[tuple[str, ...]]
"""Texts TASK=FILE; the option is repeated for each file."""
