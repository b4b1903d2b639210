"""What is done about harm: actions, trainers, the gate between challenger and champion.

Why a model is trained anew is decided in the evaluation's transaction; the training itself runs in
a process of its own, and everything of it can be done again after a crash.
"""
