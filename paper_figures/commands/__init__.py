"""The console commands: a module for each, with a function of its name.

The function imports what it needs, so that the help of a command is printed without NumPy, SymPy
and torch.
"""
