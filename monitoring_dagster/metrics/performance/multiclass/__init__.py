"""Metrics of multiclass classifiers, one per file; `registry` lists them."""
