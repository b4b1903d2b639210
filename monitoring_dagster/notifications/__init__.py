"""Who is told: what people are owed of incidents, as messages, delivered exactly once.

When something is owed is decided in `incidents`; here it is written down, sent, found again and
kept up to date.
"""
