"""The report: what the theory says and what the measurements found, on one page."""
