"""Buckets of S3 and what speaks its protocol (MinIO): the home of boto3 (see `storage.Bucket`).

Region, credentials and AWS_ENDPOINT_URL are found as Amazon's own tools find them; where another
server is named for MLflow alone (MLFLOW_S3_ENDPOINT_URL) it is asked too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from serving.errors import PlatformError, UsageError

ATTEMPTS = 3
CONNECT_S, READ_S = 10, 30
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "MLFLOW_S3_ENDPOINT_URL")
NO_OBJECT = ("NoSuchKey", "404")
NO_RIGHT = frozenset(
    {
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "401",
        "403",
    }
)
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")


def bucket(name: str, uri: str) -> S3Bucket:
    """Return a bucket; `uri` is what messages name."""
    try:
        import boto3  # noqa: F401
    except ImportError as error:
        raise PlatformError(
            f"{uri} needs boto3: install it with `pip install 'kanarya[s3]'`."
        ) from error
    endpoint = next(filter(None, map(os.environ.get, ENDPOINTS)), None)
    with _translated(uri):
        return S3Bucket(_known_client(endpoint, os.getpid()), name, uri)


@dataclass(frozen=True)
class S3Bucket:
    """A bucket, and the URI that its errors name; see `storage.Bucket`."""

    client: Any
    bucket: str
    uri: str

    def holds(self, name: str) -> bool:
        """Say whether there is an object of this name."""
        # Listed, not asked for: without the right to list, S3 says 403 of what is not there.
        return next(self.below(name), None) == name

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix`, sorted."""
        yield from self._listed(prefix)

    def beside(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix` and have no further slash."""
        return list(self._listed(prefix, Delimiter="/"))

    def download(self, name: str, path: Path) -> None:
        """Write an object to a file; its checksum is compared."""
        with _translated(self.uri):
            self.client.download_file(self.bucket, name, str(path))

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object, None where there is none."""
        from botocore.exceptions import ClientError

        with _translated(self.uri):
            try:
                body = self.client.get_object(Bucket=self.bucket, Key=name)["Body"]
                content: bytes = body.read()
            except ClientError as error:
                if _code(error) in NO_OBJECT:
                    return None
                raise
        return content

    def upload(self, path: Path, name: str) -> None:
        """Make a file an object, in place of what has this name."""
        with _translated(self.uri):
            self.client.upload_file(str(path), self.bucket, name)

    def create(self, name: str, data: bytes) -> bool:
        """Make an object unless one has this name; of many writers exactly one gets True."""
        for _ in range(ATTEMPTS):
            if self._put(name, data):
                return True
            found = self.read(name)
            if found is not None:
                # The answer to an upload that was made may have been lost, and the retry refused.
                return found == data
            # Refused since another upload was under way, which has not come to anything yet.
        raise PlatformError(
            f"{self.uri}: others write {name} all the time, and nothing comes of it; try again."
        )

    def _put(self, name: str, data: bytes) -> bool:
        from botocore.exceptions import ClientError

        with _translated(self.uri):
            try:
                self.client.put_object(Bucket=self.bucket, Key=name, Body=data, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in TAKEN:
                    return False
                raise
        return True

    def remove(self, name: str) -> None:
        """Take an object away; that there is none of this name is no error."""
        with _translated(self.uri):
            self.client.delete_object(Bucket=self.bucket, Key=name)

    def _listed(self, prefix: str, **how: str) -> Iterator[str]:
        pages = self.client.get_paginator("list_objects_v2")
        with _translated(self.uri):
            for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, **how):
                if "IsTruncated" not in page:  # MinIO's console answers whatever is asked
                    raise _foreign(self.uri)
                yield from (each["Key"] for each in page.get("Contents", ()))


@lru_cache(maxsize=4)
def _known_client(endpoint: str | None, _pid: int) -> Any:
    """Return one client a process and address: making one takes a fifth of a second."""
    from boto3.session import Session
    from botocore.config import Config

    retries = {"total_max_attempts": ATTEMPTS, "mode": "standard"}
    limits = Config(retries=retries, connect_timeout=CONNECT_S, read_timeout=READ_S)
    return Session().client("s3", endpoint_url=endpoint, config=limits)


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Turn the errors of Amazon's libraries into a sentence of ours."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise UsageError(
            f"{uri} needs credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run "
            f"`aws configure` ({str(error).rstrip('.')})."
        ) from error
    except ClientError as error:
        raise _refused(uri, error) from error
    except RecursionError as error:  # it asks for the region of whatever sends it elsewhere
        raise _foreign(uri) from error
    except (BotoCoreError, Boto3Error) as error:
        if isinstance(error.__context__, ClientError):  # a transfer says it in words of its own
            raise _refused(uri, error.__context__) from error
        raise PlatformError(
            f"{uri} could not be reached, try again: {str(error).rstrip('.')}."
        ) from error


def _foreign(uri: str) -> PlatformError:
    return PlatformError(
        f"{uri} is asked of a server that does not speak S3: a page answers, of a login or of a "
        f"console; correct {ENDPOINTS[1]}."
    )


def _refused(uri: str, error: Any) -> UsageError | PlatformError:
    code, said = _code(error), str(error).rstrip(".")
    if code in ("NoSuchBucket", *NO_OBJECT):
        return UsageError(f"{uri} does not exist: check the name of the bucket.")
    if code in NO_RIGHT:
        return UsageError(f"{uri} may not be used with these credentials: {said}.")
    return PlatformError(f"{uri} could not be reached, try again: {said}.")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
