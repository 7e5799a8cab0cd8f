"""Many training runs from a plan: workers, clusters, a lent GPU, packing of results."""
