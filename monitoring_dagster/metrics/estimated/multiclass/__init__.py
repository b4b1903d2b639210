"""Confidence-based estimates of a multiclass classifier: one class against the rest at a time."""
