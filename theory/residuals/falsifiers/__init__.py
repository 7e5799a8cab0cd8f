"""One exact witness for each assumption."""
