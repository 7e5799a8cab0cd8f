"""Attacks on the claims of the ledger: property suites with a power check for every hypothesis they need."""
