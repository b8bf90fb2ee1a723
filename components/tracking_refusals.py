"""What an MLflow server refuses, in our sentences: away, a login, its own name, a right, a fault.

    every answer of `Answering` is MLflow's own, or a TrackingError that says what to do next

What only says that a thing is there already, or is not, stays MLflow's exception: the callers ask.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from components.errors import TrackingError

USER, PASSWORD, TOKEN = (f"MLFLOW_TRACKING_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN"))
HOST = "Invalid Host header"
STORES = ("boto3", "botocore", "google", "requests", "urllib3")
"""Libraries whose errors come from carrying files: to the server, or straight to a bucket."""
NO_ANSWER = "API request to "
"""What MLflow's client begins with where no server of its kind has answered."""
_STATUS = re.compile(r"(?:failed with error code|too many) (\d{3}) ")


def is_server(uri: str) -> bool:
    """Say whether a tracking URI names a server, which can refuse; else it is a database."""
    return uri.startswith(("http://", "https://"))


def shown(uri: str) -> str:
    """Return a URI as it may be printed: without user and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", uri)


class Answering:
    """MLflow's client; what its server refuses, or its file has lost, is a TrackingError."""

    def __init__(self, tracker: Any, uri: str) -> None:
        """Ask through `tracker`; `uri` is what messages name."""
        self._tracker, self._uri = tracker, uri

    def __getattr__(self, name: str) -> Any:
        """Return what MLflow's client has under this name."""
        found = getattr(self._tracker, name)
        return self._told(found) if callable(found) else found

    def _told(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def ask(*args: Any, **kwargs: Any) -> Any:
            try:
                return call(*args, **kwargs)
            except Exception as error:
                said = refusal(self._uri, error)
                if said is None:
                    raise
                raise said from error

        return ask


def refusal(uri: str, error: BaseException) -> TrackingError | None:
    """Return the sentence for a server that is away or refuses, None where it merely answers no.

    Of a SQLite file: for one with damaged pages, which may show at any question.
    """
    if not is_server(uri):
        return TrackingError(away(uri, error)) if _is_damaged(error) else None
    status = _status(error)
    if status == 401:
        return TrackingError(_login(uri))
    if status == 403:
        return TrackingError(_unknown_name(uri) if HOST in str(error) else _right(uri, error))
    if status is not None and status >= 500:
        return TrackingError(
            f"the MLflow server {shown(uri)} failed ({_first(error)}); its log says why: look "
            "after its database and its artifact store, and run it again"
        )
    if too_much := _too_much(uri, error, status):
        return TrackingError(too_much)
    if str(error).startswith(NO_ANSWER) or (status is None and _is_foreign(error)):
        return TrackingError(away(uri, error))
    return None


def away(uri: str, error: BaseException) -> str:
    """Return the sentence for a store that does not answer at all."""
    if not is_server(uri) and _is_damaged(error):
        return (
            f"the MLflow store {shown(uri)} is damaged ({reason(error)}); what is live goes on: "
            "restore a backup with `kanarya restore FOLDER --force`, or point "
            "MLFLOW_TRACKING_URI at another store"
        )
    return (
        f"the MLflow store {shown(uri)} does not answer ({reason(error)}); "
        "start its server, or correct MLFLOW_TRACKING_URI, and run it again"
    )


def reason(error: BaseException) -> str:
    """Return the kind and the first line of what lies at the bottom of an error."""
    return _first(list(_chain(error))[-1])


def _too_much(uri: str, error: BaseException, status: int | None) -> str:
    """Return the sentence for what is more than a server takes, or knows; "" for all else."""
    place, why = shown(uri), _first(error)
    if status == 429:
        return f"the MLflow server {place} has too many requests ({why}): run it again later"
    if status == 413:
        return (
            f"the MLflow server {place} takes no file so large ({why}): let what stands before it "
            "take larger ones (nginx: client_max_body_size)"
        )
    if "ENDPOINT_NOT_FOUND" in why:
        return (
            f"the MLflow server {place} does not know what it is asked ({why}): bring it to the "
            "version of MLflow here"
        )
    return ""


def _login(uri: str) -> str:
    user = os.environ.get(USER) or urlsplit(uri).username
    if os.environ.get(TOKEN):
        return f"the MLflow server {shown(uri)} does not accept the token: renew {TOKEN}"
    if not user:
        return f"the MLflow server {shown(uri)} wants a login: set {USER} and {PASSWORD}"
    return (
        f"the MLflow server {shown(uri)} does not accept the login of {user!r}: "
        f"correct {USER} and {PASSWORD}"
    )


def _unknown_name(uri: str) -> str:
    name = urlsplit(uri).netloc.rpartition("@")[2]
    return (
        f"the MLflow server does not know itself by the name {name!r}, which {shown(uri)} calls it "
        f"by: start it with --allowed-hosts '{name},localhost:*'"
    )


def _right(uri: str, error: BaseException) -> str:
    user = os.environ.get(USER) or urlsplit(uri).username or "whoever has no login"
    return (
        f"the MLflow server {shown(uri)} does not let {user!r} do this ({_first(error)}): ask its "
        "administrator for the permission EDIT on the experiment and the model"
    )


def _status(error: BaseException) -> int | None:
    """Return the HTTP status that the server answered, None where it did not answer."""
    for each in _chain(error):
        answer = getattr(each, "response", None)
        if isinstance(found := getattr(answer, "status_code", None), int):
            return found
        if told := _STATUS.search(str(each)):
            return int(told[1])
        if type(each).__name__ == "RestException":
            return int(each.get_http_status_code())  # type: ignore[attr-defined]
    return None


def _is_foreign(error: BaseException) -> bool:
    """Say whether a library that carries bytes is among the causes."""
    return any(type(each).__module__.partition(".")[0] in STORES for each in _chain(error))


def _is_damaged(error: BaseException) -> bool:
    said = [str(each) for each in _chain(error) if type(each).__module__ == "sqlite3"]
    return any("malformed" in each or "not a database" in each for each in said)


def _first(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link:
        yield link
        link = link.__cause__ or link.__context__
