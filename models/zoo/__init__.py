"""The trained loops that the package ships."""
