"""Fit a model kind on the training part."""
