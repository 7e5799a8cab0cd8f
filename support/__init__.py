"""What every floor needs and no claim is about: errors, atomic files, JSON, work on a cluster."""
