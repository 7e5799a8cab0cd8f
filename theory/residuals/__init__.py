"""Other residuals: scaled, damped, decaying."""
