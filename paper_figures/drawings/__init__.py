"""The figures, each drawn from data that a command measured."""
