"""Metrics of regression models, one per file; `registry` lists them."""
