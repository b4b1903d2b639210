"""The gate: whether a challenger may take the champion's place, decided on the same unseen rows.

Pure: scores, labels and days in, a decision with its table out. Who computes the scores and who
acts on the decision is `running`.
"""
