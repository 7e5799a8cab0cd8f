"""Tables, markup and pages."""
