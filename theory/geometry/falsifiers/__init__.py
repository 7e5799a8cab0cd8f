"""What breaks when a hypothesis of these claims is dropped: one module for each claim."""
