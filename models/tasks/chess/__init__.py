"""Chess: boards, Lichess puzzles, and endgames with exact values."""
