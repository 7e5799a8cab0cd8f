"""Checking the ledger: verdicts of claims, remembered proofs, and mutants that a check must
reject.
"""
