"""Fixtures of the serving tests."""

from tests.serving.fake_gcs import gcs

__all__ = ["gcs"]
