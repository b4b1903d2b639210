"""What models are compared by: each metric with all days and without each of them.

Names and definitions are those of `metrics.performance`; here they are computed from rows, since
the challenger has no profile. What follows from a difference is `checks`.
"""
