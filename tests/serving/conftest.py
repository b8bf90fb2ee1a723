"""Fixtures of the serving tests."""

from tests.serving.fake_gcs import gcs
from tests.serving.fake_s3 import s3, s3_address

__all__ = ["gcs", "s3", "s3_address"]
