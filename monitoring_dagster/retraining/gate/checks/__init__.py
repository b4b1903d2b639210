"""The checks of the gate, one kind per file: each takes a comparison and gives its checks.

Their order is `comparing`; how a metric and its interval are computed is `measures`.
"""
