"""The laws and blocks that a phase diagram can be drawn of."""
