"""Trainers to start from: each a function that a monitor's document names.

`python -m examples.trainers` runs all of them on data that comes with scikit-learn.
"""
