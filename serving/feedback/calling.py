"""Asking the collector: one request, one answer, or one sentence why not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from serving import direct
from serving.errors import PlatformError

PATIENCE_S = 5.0


class CollectorError(PlatformError):
    """The collector did not do it; `status` is what it answered, 503 where it did not."""

    def __init__(self, message: str, status: int = 503) -> None:
        """Keep the status for whoever has to answer somebody else."""
        super().__init__(message)
        self.status = status


def call(url: str, body: bytes | None = None, patience_s: float = PATIENCE_S) -> Any:
    """Return the collector's answer to a GET, or with a body to a POST. Raises CollectorError.

    A connection that broke is tried once more: messages may come twice, and while the collector is
    started again connections wait for it.
    """
    try:
        return _called(url, body, patience_s)
    except ConnectionError:
        pass
    try:
        return _called(url, body, patience_s)
    except ConnectionError as error:
        raise away(url, error) from error


def _called(url: str, body: bytes | None, patience_s: float) -> Any:
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with direct.opener().open(asked, timeout=patience_s) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise CollectorError(_sentence(url, error), error.code) from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionError):
            raise error.reason from error
        raise away(url, error.reason) from error
    except ConnectionError:
        raise
    except direct.FAULTS as error:
        raise away(url, error) from error


def _sentence(url: str, error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error"])
    except (*direct.FAULTS, KeyError, TypeError):
        return f"{url} answers {error.code}."


def away(url: str, why: object) -> CollectorError:
    """Return the error that says that nobody answers there."""
    return CollectorError(f"The collector of feedback at {url} does not answer ({why}); try again.")
