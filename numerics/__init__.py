"""Attacks on the theory with numbers: looped maps, spectra, outcomes of orbits, phase diagrams."""
