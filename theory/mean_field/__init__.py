"""Mean-field laws of wide loops: claims N6 and N7."""
