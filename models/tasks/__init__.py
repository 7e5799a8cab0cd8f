"""Tasks: batches with exact targets, an easy split to train on, and harder ones to test on."""
