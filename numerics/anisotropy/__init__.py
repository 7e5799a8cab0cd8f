"""The nearest stable point to a Gaussian weight (claim R4): projections and their exact law."""
