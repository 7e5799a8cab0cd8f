"""The option --data TASK=FILE of commands that deal with several tasks."""

import tyro

DataFiles = tyro.conf.UseAppendAction[tuple[str, ...]]
"""texts TASK=FILE; the option is given once for each file"""
