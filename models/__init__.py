"""Looped transformers: the family, a task, training, shipped checkpoints, and theory held against
them.
"""
