"""The figures: one module for each, beside their style and the parts that they share."""
