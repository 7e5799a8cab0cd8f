"""The loop near one fixed point or cycle: local theorems that apply to trained loops."""
