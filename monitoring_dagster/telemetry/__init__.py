"""What came in: sources, contract, pseudonyms, snapshots, quality, retention."""
