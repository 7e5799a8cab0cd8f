"""The looped transformer: its configuration, blocks, arithmetic, cost, and checkpoints."""
