"""Runnable examples: each goes from public data to a finished month of monitoring.

They use the system from the outside, as a user would; nothing in the system imports them.
"""
