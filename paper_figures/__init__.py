"""Figures, the report, and the console command."""
