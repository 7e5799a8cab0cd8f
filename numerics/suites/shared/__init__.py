"""What several suites need: states, residual streams, complex steps, exact orbits."""
