"""Training one loop: schedules, objective, optimisers, compiled steps, the run."""
