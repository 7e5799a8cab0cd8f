"""Texts: tables for the terminal, the ledger in words, markup, and the HTML page."""
