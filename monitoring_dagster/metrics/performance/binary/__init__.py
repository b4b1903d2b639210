"""Metrics of binary classifiers, one per file; `registry` lists them."""
