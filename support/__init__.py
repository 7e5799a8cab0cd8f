"""Code that every floor needs and no claim depends on: errors, files, JSON, clusters, imports."""
