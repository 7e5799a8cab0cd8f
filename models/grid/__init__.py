"""Many training runs from a plan: on this machine, on a cluster, on a lent GPU; packing results."""
