"""Which rows of a day show an incident best, and how they are found in bounded memory.

Where a sample is kept, and for how long, is `incidents.samples`.
"""
