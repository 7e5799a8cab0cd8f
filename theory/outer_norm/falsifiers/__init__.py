"""What breaks when an assumption of these claims is dropped: one module for each claim."""
