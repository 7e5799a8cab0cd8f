"""Mean-field laws: N6, N7."""
