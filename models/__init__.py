"""Looped transformers: networks, tasks, training, trained loops, and theory compared with them."""
