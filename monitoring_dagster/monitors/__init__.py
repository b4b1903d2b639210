"""What is watched: the YAML contract, its loader, its version, its calendar."""
