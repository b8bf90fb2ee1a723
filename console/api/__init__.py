"""The data of every page as JSON, below `/api`; what changes something is for operators."""
