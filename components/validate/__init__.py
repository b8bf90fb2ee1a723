"""Validate: say what is wrong with a table, and stop where no model could be trained on it."""
