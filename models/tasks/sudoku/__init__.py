"""Sudoku: puzzles, an exact solver, and the symmetries of the grid."""
