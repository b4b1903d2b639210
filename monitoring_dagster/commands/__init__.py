"""What people type at a terminal, a file for each topic.

A command translates arguments and prints; the work is done where Dagster does it. Dagster and the
rooms are imported inside the commands, so that `--help` answers at once.
"""
