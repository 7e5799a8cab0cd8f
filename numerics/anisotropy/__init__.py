"""The anisotropy of the nearest stable weights of scalar loops (R4)."""
