"""The rules: one file for each thing that is judged of a day.

A rule turns measurements into verdicts. `judge` calls them in order; what they share is in
`decisions` itself.
"""
