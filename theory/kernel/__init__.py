"""The proof kernel: claims, steps and how they are checked, exact arithmetic, falsifiers."""
