"""What was true of what a model predicted: answers kept by an id, joined to labels that come later.

A predictor sends what it answered under an id, and every label, to a collector (`collector.py`,
one process of its own beside the predictors, which have no disk and no memory of each other). The
collector keeps both for a time and says how often each version was right.
"""
