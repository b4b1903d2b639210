"""Reasons to train anew: one file each, gathered in `registry`.

None of them is drift: inputs that move are no harm, and what they explain is not mended by training
on them. What keeps from training all the same is `guards`.
"""
