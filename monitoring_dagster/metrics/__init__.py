"""What it means: pure functions from counts to measurements."""
