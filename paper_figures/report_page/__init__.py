"""The report: what the theory says and what the measurements found, on one page."""

from .write import Report, write_report

__all__ = ["Report", "write_report"]
