"""Sequential detectors: does a change last?

One detector per file, each a pure step from yesterday's state to today's. What their thresholds
have to be is the budget's business, what a score is the noise model's.
"""
