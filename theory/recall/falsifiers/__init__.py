"""What breaks when an assumption of these claims is dropped: a module for each claim."""
