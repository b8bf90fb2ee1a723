"""Bring a registered version live by canary."""
