"""Decide whether the candidate may be registered, and say why."""
