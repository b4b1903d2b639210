"""What was counted: the frozen grid, the mergeable profile, and the engine that counts."""
