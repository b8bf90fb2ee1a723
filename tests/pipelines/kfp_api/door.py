"""The door of the fake: logins, gateways, faults and pages, whatever the route is."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.pipelines.kfp_api.state import FakeKfp, Refused

HTTP = {3: 400, 5: 404, 6: 409, 7: 403, 13: 500, 14: 503, 16: 401}
LOGIN = '<!DOCTYPE html><html><form action="/dex/auth/local"></form></html>'


class Door(BaseHTTPRequestHandler):
    """One request: who is kept out, which route it takes, how it is answered."""

    kfp: FakeKfp
    routes: ClassVar[list[tuple[str, str, Callable[..., None]]]] = []
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.handled("GET")

    def do_POST(self) -> None:
        self.handled("POST")

    def do_DELETE(self) -> None:
        self.handled("DELETE")

    def handled(self, method: str) -> None:
        parts = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.kfp.requests.append((method, parts.path, self.query))
        if self.kfp.faults and self.failed(self.kfp.faults.pop(0)):
            return
        try:
            if self.kept_out():
                return
            self.routed(method, parts.path)
        except Refused as refused:
            detail = {"@type": "type.googleapis.com/google.rpc.Status", "code": refused.code}
            detail["message"] = refused.words
            status = {"code": refused.code, "message": refused.chain, "details": [detail]}
            self.answer(status, HTTP[refused.code])

    def failed(self, fault: Any) -> bool:
        if fault is None:
            return False
        if fault == "drop":
            self.close_connection = True
        elif isinstance(fault, tuple):
            self.text(*fault)
        else:
            self.text(f"upstream connect error, {fault}", fault)
        return True

    def kept_out(self) -> bool:
        """What stands before the API: Istio with Dex, or the API's own authentication."""
        kfp = self.kfp
        if kfp.login and self.headers.get("Cookie") != kfp.cookie:
            if kfp.login == "redirect" and not self.path.startswith("/dex"):
                self.text("", 302, "text/html", {"Location": "/dex/auth?client_id=x&state=y"})
            else:
                self.text(LOGIN, 200, "text/html; charset=utf-8")
            return True
        if kfp.token and self.headers.get("authorization") != f"Bearer {kfp.token}":
            words = "Request header error: there is no user identity header."
            raise Refused(16, words, f"Failed to authorize: Unauthenticated: {words}")
        return False

    def routed(self, method: str, path: str) -> None:
        for verb, pattern, handler in self.routes:
            found = re.fullmatch(pattern, path)
            if found and verb == method and self.is_served(path):
                handler(self, *(unquote(each) for each in found.groups()))
                return
        if self.kfp.is_ui:
            self.text(f"<!DOCTYPE html><pre>Cannot {method} {path}</pre>", 404, "text/html")
        else:
            self.text("404 page not found\n", 404)

    def is_served(self, path: str) -> bool:
        """The UI passes v1beta1 and v2beta1 on; only it has /k8s and pages."""
        ours = "/apis/v1alpha1" if self.kfp.is_ui else "/k8s"
        return not path.startswith(ours) and (self.kfp.is_ui or path != "/")

    def namespaced(self, namespace: str) -> str:
        if not self.kfp.multi_user:
            return ""
        if not namespace:
            raise Refused(3, "A run cannot have an empty namespace in multi-user mode")
        if namespace not in self.kfp.namespaces:
            words = "User 'alice' is not authorized with reason:  (request: &{namespace})"
            raise Refused(7, words, f"Failed to authorize with API: PermissionDenied: {words}")
        return namespace

    def answer(self, record: Any, status: int = 200) -> None:
        self.text(json.dumps(record), status, "application/json")

    def text(
        self, text: str, status: int = 200, kind: str = "text/plain", more: Any = None
    ) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        with contextlib.suppress(ConnectionError):  # who asked has gone
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def page(self, kind: str, records: list[dict[str, Any]]) -> None:
        """One page of a listing, filtered by display_name, the newest first where that is asked."""
        for predicate in json.loads(self.query.get("filter") or "{}").get("predicates", []):
            assert predicate["key"] in ("display_name", "name")
            records = [r for r in records if r["display_name"] == predicate["stringValue"]]
        if self.query.get("sort_by") == "created_at desc":
            records = records[::-1]
        size = int(self.query.get("page_size") or 10)
        start = int(self.query.get("page_token") or 0)
        found = {kind: records[start : start + size], "total_size": len(records)}
        if start + size < len(records):
            found["next_page_token"] = str(start + size)
        self.answer({key: value for key, value in found.items() if value})
