"""What Kubeflow Pipelines answers when it refuses, in one sentence; no network, no library.

Its API is a gRPC gateway: an error is {"code", "message", "details": [{"message": for people}]}
(backend/src/common/util/error.go); uploads and logs answer {"error_message", "error_details"}.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pipelines.cluster_place import COOKIE_FILE, NAMESPACE, TOKEN_FILE, Place
from pipelines.errors import ClusterError, Faltering, LoginNeeded, NoApi, NotThere, Unreachable

LONGEST = 300
"""Characters of a refusal's own words that are shown."""
BUSY = (429, 502, 503, 504)
"""What a gateway, or the API itself, answers that cannot now."""


@dataclass(frozen=True)
class Refusal:
    """An answer that is none: its HTTP status, its body, where it wants to send the browser."""

    status: int
    body: str = ""
    location: str = ""
    content_type: str = ""

    @property
    def is_page(self) -> bool:
        """Say whether it is meant for a browser: a login page, or the UI's own start page."""
        start = self.body.lstrip()[:15].lower()
        return "text/html" in self.content_type or start.startswith(("<!doctype", "<html"))


def refused(answer: Refusal, place: Place, what: str) -> ClusterError:
    """Return the error to raise; `what` is what was asked for, as in "cannot `what`"."""
    # Gateways say that nobody is behind them with a page as well, which asks for no login.
    if answer.status < 500 and (answer.is_page or 300 <= answer.status < 400):
        return LoginNeeded(_login(answer, place))
    words = "" if answer.is_page else said(answer.body)
    if answer.status == 401:
        return Faltering(_unknown(place, words))
    if answer.status == 403 or _denied(words):
        return ClusterError(_forbidden(place, what, words))
    if answer.status == 404:
        is_api = answer.body.lstrip().startswith("{")
        return (NotThere if is_api else NoApi)(_missing(is_api, place, what, words))
    if answer.status in BUSY:
        return Unreachable(f"{place.host} answers {answer.status}: {words or 'it is not ready'}")
    if answer.status == 400 and "namespace" in words.lower() and not place.namespace:
        return ClusterError(
            f"cannot {what}: {words}; this Kubeflow Pipelines has several users, so name yours: "
            f"--namespace NAME or {NAMESPACE}"
        )
    kind = Faltering if answer.status >= 500 else ClusterError
    return kind(f"cannot {what}: {place.host} answers {answer.status}: {words or '-'}")


def said(body: str) -> str:
    """Return the words for people in an error's body, shortened; "" where it has none."""
    try:
        record = json.loads(body)
    except ValueError:
        return _short(body)
    if not isinstance(record, dict):
        return _short(body)
    told = [each.get("message") for each in _details(record)]
    found = [*filter(None, told), record.get("error_message"), record.get("message")]
    words = [str(each) for each in found if each]
    # The gateway's message has the whole chain, its details only the last link of it.
    return _short(min(words, key=len)) if words else ""


def unreachable(place: Place, reason: BaseException) -> ClusterError:
    """Return the error for a connection that could not be made, or broke."""
    root = _root(reason)
    text = str(root)
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        return ClusterError(
            f"{place.host} has a certificate that is not trusted ({_verdict(text)}): put the CA "
            "that signed it into a file and name it in KFP_CA_FILE"
        )
    if "WRONG_VERSION_NUMBER" in text or "SSL" in type(root).__name__.upper():
        return ClusterError(
            f"{place.host} does not speak TLS as asked ({_short(text)}): is it http://, or another "
            "port?"
        )
    return Unreachable(
        f"Kubeflow Pipelines cannot be reached at {place.host} ({_plain(text)}): is the address "
        "right, and does the port-forward still run?"
    )


def version_gap(sdk: str, backend: str) -> str:
    """Return a sentence where the SDK is of a newer minor version than the backend, else ""."""
    ours, theirs = _minor(sdk), _minor(backend)
    if ours is None or theirs is None or ours <= theirs:
        return ""
    return (
        f"Kubeflow Pipelines is {backend} there and its SDK {sdk} here; what a newer SDK compiles "
        f"may be refused: then bring the backend to {ours[0]}.{ours[1]}"
    )


def _details(record: dict[str, Any]) -> list[dict[str, Any]]:
    details = record.get("details")
    return [each for each in details or [] if isinstance(each, dict)]


def _login(answer: Refusal, place: Place) -> str:
    to = f" (it sends to {answer.location.split('?')[0]})" if answer.location else ""
    if place.cookie_file or place.token_file:
        shown = place.cookie_file or place.token_file
        return (
            f"{place.host} asks for a login{to}, so what is in {shown} is not valid, or no longer: "
            "log in with a browser and renew it"
        )
    return (
        f"{place.host} answers with a page for browsers{to}, not with the API: log in there and "
        f"put the cookie into a file named in {COOKIE_FILE}, or a token into one named in "
        f"{TOKEN_FILE}; behind Kubeflow's gateway the address ends in /pipeline"
    )


def _unknown(place: Place, words: str) -> str:
    shown = place.token_file or place.cookie_file
    if shown:
        return f"{place.host} does not accept what is in {shown} ({words or 401}): renew it"
    return (
        f"{place.host} wants to know who asks ({words or 401}): name a file with a token "
        f"in {TOKEN_FILE}, or with a cookie in {COOKIE_FILE}"
    )


def _forbidden(place: Place, what: str, words: str) -> str:
    where = f"in the namespace {place.namespace!r}" if place.namespace else "there"
    return (
        f"you may not {what} {where} ({words or 'status 403'}): is it your namespace, and has your "
        "user or service account the role kubeflow-edit in it?"
    )


def _denied(words: str) -> bool:
    return "is not authorized" in words or "PermissionDenied" in words


def _missing(is_api: bool, place: Place, what: str, words: str) -> str:
    if not is_api:
        return (
            f"{place.host} has no API of Kubeflow Pipelines 2 (status 404): is the address right? "
            "Behind Kubeflow's gateway it ends in /pipeline"
        )
    where = f" in the namespace {place.namespace!r}" if place.namespace else ""
    return f"cannot {what}{where}: {words or 'it is not there'}"


def _root(reason: BaseException) -> BaseException:
    """Return the innermost cause; urllib3 wraps it in `reason`, or says it last."""
    inner = getattr(reason, "reason", None) or (reason.args[-1] if reason.args else None)
    return _root(inner) if isinstance(inner, BaseException) else reason


def _verdict(text: str) -> str:
    found = re.search(r"certificate verify failed: ([^(\]]+)", text)
    return found[1].strip() if found else "certificate verify failed"


def _plain(text: str) -> str:
    """Return the system's words without the object that urllib3 puts before them."""
    return _short(re.sub(r"^<[^>]*>: |^\w+\([^)]*\): ", "", text))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _minor(version: str) -> tuple[int, int] | None:
    found = re.match(r"v?(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else None
