"""Training one network: its schedule, objective, optimisers, compiled steps, and the run."""
