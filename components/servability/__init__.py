"""Serve the packaged model as it will be served, before it may be registered."""
