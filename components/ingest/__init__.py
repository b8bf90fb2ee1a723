"""Ingest: a CSV file becomes a typed table artifact."""
