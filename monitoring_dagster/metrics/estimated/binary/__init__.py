"""Confidence-based estimates of a binary classifier: scores to chances to expected counts.

Source: Białek et al. 2024, arXiv 2401.08348, section 3 (CBPE).
"""
