"""How well changes are found, and how often nothing is: we and the peers on the same days.

`python -m benchmarks.detection` prints the tables; one seed decides everything.
"""
