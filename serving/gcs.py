"""Buckets of Cloud Storage: the home of google.cloud.storage (see `storage.Bucket`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from serving.errors import PlatformError, UsageError

RETRY_SECONDS = 30.0


def bucket(name: str, uri: str) -> GcsBucket:
    """Return a bucket; `uri` is what messages name.

    STORAGE_EMULATOR_HOST makes the client anonymous and sends everything there.
    """
    try:
        import google.cloud.storage  # noqa: F401
    except ImportError as error:
        raise PlatformError(
            f"{uri} needs google-cloud-storage: install it with `pip install 'kanarya[gcs]'`."
        ) from error
    with _translated(uri):
        # Reading public data needs no project, and asking the machine for one takes seconds.
        project = os.environ.get("GOOGLE_CLOUD_PROJECT", "kanarya")
        client = _known_client(project, os.environ.get("STORAGE_EMULATOR_HOST"), os.getpid())
    return GcsBucket(client.bucket(name), uri)


@dataclass(frozen=True)
class GcsBucket:
    """A bucket, and the URI that its errors name; see `storage.Bucket`."""

    bucket: Any
    uri: str

    def holds(self, name: str) -> bool:
        """Say whether there is an object of this name."""
        with _translated(self.uri):
            return self.bucket.get_blob(name, retry=_retry()) is not None

    def below(self, prefix: str) -> Iterator[str]:
        """Yield the names that begin with `prefix`."""
        with _translated(self.uri):
            for blob in self.bucket.list_blobs(prefix=prefix, retry=_retry()):
                yield blob.name

    def beside(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix` and have no further slash."""
        with _translated(self.uri):
            found = self.bucket.list_blobs(prefix=prefix, delimiter="/", retry=_retry())
            return [blob.name for blob in found]

    def download(self, name: str, path: Path) -> None:
        """Write an object to a file; its checksum is compared."""
        with _translated(self.uri):
            self.bucket.blob(name).download_to_filename(str(path), retry=_retry())

    def read(self, name: str) -> bytes | None:
        """Return the bytes of an object, None where there is none."""
        with _translated(self.uri):
            from google.api_core.exceptions import NotFound

            try:
                content: bytes = self.bucket.blob(name).download_as_bytes(retry=_retry())
            except NotFound:
                return None
        return content

    def upload(self, path: Path, name: str) -> None:
        """Make a file an object, in place of what has this name."""
        with _translated(self.uri):
            self.bucket.blob(name).upload_from_filename(str(path), retry=_retry())

    def create(self, name: str, data: bytes) -> bool:
        """Make an object unless one has this name; of many writers exactly one gets True."""
        with _translated(self.uri):
            from google.api_core.exceptions import PreconditionFailed

            try:
                self.bucket.blob(name).upload_from_string(
                    data, content_type="application/json", if_generation_match=0, retry=_retry()
                )
            except PreconditionFailed:
                # The answer to an upload that was made may have been lost, and the retry refused.
                return self.read(name) == data
        return True

    def remove(self, name: str) -> None:
        """Take an object away; that there is none of this name is no error."""
        with _translated(self.uri):
            from google.api_core.exceptions import NotFound

            with suppress(NotFound):
                self.bucket.blob(name).delete(retry=_retry())


@lru_cache(maxsize=4)
def _known_client(project: str, _emulator: str | None, _pid: int) -> Any:
    """Return one client a process and address: each new one would ask for credentials anew."""
    from google.cloud import storage

    return storage.Client(project=project)


def _retry() -> Any:
    """Return how long a call is repeated; the library's own two minutes look like a hang."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(RETRY_SECONDS)


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    """Turn the errors of google's libraries into a sentence of ours."""
    import requests  # type: ignore[import-untyped]
    from google.api_core.exceptions import Forbidden, GoogleAPIError, NotFound, Unauthorized
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

    try:
        yield
    except NotFound as error:
        raise UsageError(f"{uri} does not exist: check the name of the bucket.") from error
    except (Forbidden, Unauthorized) as error:
        raise UsageError(f"{uri} may not be used with these credentials: {error}.") from error
    except GoogleAuthError as error:
        raise UsageError(
            f"{uri} needs credentials: run `gcloud auth application-default login` ({error})."
        ) from error
    except DataCorruption as error:
        raise PlatformError(f"{uri} arrived damaged, fetch it again: {error}.") from error
    except (GoogleAPIError, InvalidResponse, requests.RequestException) as error:
        raise PlatformError(f"{uri} could not be reached, try again: {error}.") from error
