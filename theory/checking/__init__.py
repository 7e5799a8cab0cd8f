"""Checking the ledger: verdicts of claims, stored proofs, and mutants that must be rejected."""
