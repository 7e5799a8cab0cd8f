"""Tasks: batches with exact targets."""
