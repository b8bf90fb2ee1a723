"""Kubeflow Pipelines through its own SDK: the one home of `kfp.Client`.

Every call is made here, so that every refusal becomes one sentence (`pipelines.cluster_errors`).
The SDK alone would wait for ever for a silent server, follow the way to a login page and take the
page for an empty run, ask for its version five times, and write into ~/.config/kfp.
"""

from __future__ import annotations

import io
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pipelines.cluster_errors import Refusal, refused, unreachable
from pipelines.cluster_place import CA_FILE, Place
from pipelines.errors import ClusterError, LoginNeeded, NotThere, Unreachable
from serving.errors import UsageError

CONNECT_S, ANSWER_S = 10, 60
"""How long a connection may take, and how long an answer."""
PAGE, EVERY = 100, 10_000
"""Objects of one page of a listing; and of one that is asked for whole."""
T = TypeVar("T")


class Cluster:
    """A connection to one Kubeflow Pipelines. Whatever it raises is a KanaryaError."""

    def __init__(self, place: Place, client: Any) -> None:
        self.place = place
        self._client = client

    def call(self, what: str, ask: Callable[[Any], T]) -> T:
        """Return what `ask` gets from the `kfp.Client`; `what` says what for ("cancel the run")."""
        with _translated(self.place, what), redirect_stdout(io.StringIO()):
            return ask(self._client)

    def pages(
        self, what: str, kind: str, ask: Callable[[Any, dict[str, Any]], Any], limit: int = EVERY
    ) -> list[Any]:
        """Return the newest objects of a listing; `kind` is the answer's field."""
        found: list[Any] = []
        for page in self.each_page(what, kind, ask, min(limit, PAGE)):
            found += page
            if len(found) >= limit:
                break
        return found[:limit]

    def each_page(
        self, what: str, kind: str, ask: Callable[[Any, dict[str, Any]], Any], size: int = PAGE
    ) -> Iterator[list[Any]]:
        """Yield the objects of a listing, the newest first; the next page when it is wanted."""
        asked: dict[str, Any] = {"sort_by": "created_at desc", "page_token": "", "page_size": size}
        while True:
            page = self.call(what, partial(_asked, ask, dict(asked)))
            yield list(getattr(page, kind) or ())
            asked["page_token"] = page.next_page_token or ""
            if not asked["page_token"]:
                return

    def json(self, what: str, path: str) -> Any:
        """Return the parsed answer to a GET, for what the SDK's own calls leave out."""
        return self.call(what, lambda client: _get(client, path, {}, "object"))

    def text(self, what: str, path: str, query: dict[str, str]) -> str:
        """Return the answer to a GET as text; what is no UTF-8 in it is replaced.

        Raises NotThere also where a page for browsers stands at that path.
        """
        try:
            response = self.call(what, lambda client: _get(client, path, query, None))
        except LoginNeeded as error:
            raise NotThere(f"{self.place.host} has no {path}") from error
        content = response.headers.get("Content-Type") or ""
        body = bytes(response.data).decode("utf-8", errors="replace")
        if Refusal(response.status, body, content_type=content).is_page:
            raise NotThere(f"{self.place.host} has no {path}")
        return body

    @property
    def sdk(self) -> str:
        """Return the version of the SDK."""
        import kfp

        return str(kfp.__version__)

    @property
    def version(self) -> str:
        """Return the backend's version, as in "2.17.0"; "" where it does not tell."""
        told = self.json("ask for its version", "/apis/v2beta1/healthz")
        tag = str(told.get("tag_name") or "") if isinstance(told, dict) else ""
        return "" if tag == "unknown" else tag


def connect(place: Place) -> Cluster:
    """Return a connection; nothing is asked yet, but for the cookie's file. Imports kfp (1 s)."""
    cookie = _written(place.cookie_file) if place.cookie_file else None
    if place.ca_file:
        _check_ca(place.ca_file)
    with warnings.catch_warnings(), _translated(place, "connect"):
        warnings.simplefilter("ignore")  # that it is for Kubeflow Pipelines 2
        client = _sdk()(
            host=place.host,
            # With a name the SDK does not ask for one, and does not keep it in a file.
            namespace=place.namespace or "-",
            credentials=_credentials(place.token_file) if place.token_file else None,
            cookies=cookie,
            ssl_ca_cert=str(place.ca_file) if place.ca_file else None,
            ui_host=place.ui,
        )
        client._context_setting["namespace"] = place.namespace
    api = client._run_api.api_client
    api.request = _patient(api.request, place)
    return Cluster(place, client)


def _check_ca(path: Path) -> None:
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(f"{CA_FILE}: {path} holds no certificate in PEM ({error})") from error


def _sdk() -> Any:
    import urllib3
    from kfp import Client

    class Client2(Client):  # type: ignore[misc]
        """The SDK's client, which follows no redirect and reads nobody's ~/.config/kfp."""

        def _load_config(self, *args: Any, **kwargs: Any) -> Any:
            config = super()._load_config(*args, **kwargs)
            config.retries = urllib3.Retry(
                total=None, connect=1, read=0, redirect=0, other=0, raise_on_redirect=False
            )
            return config

        def _load_context_setting_or_default(self) -> None:
            self._context_setting: dict[str, str] = {}

    return Client2


def _credentials(token_file: Path) -> Any:
    from kfp.client.token_credentials_base import TokenCredentialsBase

    class FromFile(TokenCredentialsBase):  # type: ignore[misc]
        """A token that is read anew for each request."""

        def refresh_api_key_hook(self, config: Any) -> None:
            config.api_key["authorization"] = _written(token_file)

    return FromFile()


def _written(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    if not text or "\n" in text:
        raise UsageError(f"{path} must hold one line: the token, or the cookie as name=value")
    return text


def _patient(request: Callable[..., Any], place: Place) -> Callable[..., Any]:
    """Return the SDK's `request` with limits of time, which refuses answers that are no JSON.

    A cookie is read anew for each request: who watches for hours may have to renew it.
    """

    def asked(*args: Any, **kwargs: Any) -> Any:
        kwargs["_request_timeout"] = (CONNECT_S, ANSWER_S)
        if place.cookie_file:
            cookie = {"Cookie": _written(place.cookie_file)}
            kwargs["headers"] = {**(kwargs.get("headers") or {}), **cookie}
        response = request(*args, **kwargs)
        if kwargs.get("_preload_content", True):
            _check(response, place)
        return response

    return asked


def _check(response: Any, place: Place) -> None:
    body = bytes(response.data or b"").strip()
    if body[:1] == b"{" and body[-1:] != b"}":
        raise Unreachable(f"{place.host} broke off in the middle of its answer")
    if not body or body[:1] == b"{":
        return
    content = response.getheader("content-type") or ""
    text = body.decode("utf-8", errors="replace")
    answer = Refusal(response.status, text, content_type=content)
    if answer.is_page:
        raise refused(answer, place, "use it")
    raise ClusterError(
        f"{place.host} answers, but not as Kubeflow Pipelines 2 does ({text[:60]!r}): is it the "
        "address of its API, or of its UI?"
    )


def _asked(ask: Callable[[Any, T], Any], known: T, client: Any) -> Any:
    return ask(client, known)


def _get(client: Any, path: str, query: dict[str, str], kind: str | None) -> Any:
    return client._run_api.api_client.call_api(
        path,
        "GET",
        query_params=list(query.items()),
        header_params={},
        response_type=kind,
        auth_settings=["Bearer"],
        _return_http_data_only=True,
        _preload_content=kind is not None,
    )


@contextmanager
def _translated(place: Place, what: str) -> Iterator[None]:
    """Turn what the SDK and its HTTP library raise into sentences."""
    import kfp_server_api
    import urllib3

    try:
        yield
    except kfp_server_api.ApiException as error:
        headers = error.headers or {}
        answer = Refusal(
            error.status or 0,
            error.body or error.reason or "",
            headers.get("Location") or "",
            headers.get("Content-Type") or "",
        )
        raise refused(answer, place, what) from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise unreachable(place, error) from error
    except UnicodeDecodeError as error:
        raise ClusterError(f"{place.host} answers with what is no text: {error}") from error
