"""What is wrong: noise, thresholds, detectors, objectives, and the verdicts that follow.

Everything is a function of the measurements, the frozen reference and yesterday's state. What
people do about a verdict is `incidents`.
"""
