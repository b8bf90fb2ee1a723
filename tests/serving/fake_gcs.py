"""A part of Cloud Storage on loopback, for the real client."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c
import pytest


class FakeGcs(BaseHTTPRequestHandler):
    """The part of Cloud Storage's JSON API that a client needs to list, get and upload."""

    objects: dict[str, bytes]
    uploaded: list[str]
    damaged: set[str]
    silent: set[str]
    lock: threading.Lock
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        match = re.fullmatch(r"(/download)?/storage/v1/b/([^/]+)(?:/o/?(.*))?", parts.path)
        assert match is not None
        download, bucket, name = match[1], match[2], unquote(match[3] or "")
        if bucket == "secret":
            return self.answer(403, {"error": {"code": 403, "message": "not yours"}})
        if bucket != "bucket" or (name and name not in self.objects):
            return self.answer(404, {"error": {"code": 404, "message": "nothing there"}})
        if download:
            return self.send(200, self.objects[name], name in self.damaged)
        if name:
            return self.answer(200, self.resource(name))
        return self.answer(200, self.page(query))

    def do_POST(self) -> None:
        with self.lock:
            self.upload()

    def do_DELETE(self) -> None:
        name = unquote(urlsplit(self.path).path.rpartition("/o/")[2])
        if self.objects.pop(name, None) is None:
            return self.answer(404, {"error": {"code": 404, "message": "nothing there"}})
        return self.send(204, b"")

    def upload(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        meta, content = message_from_bytes(head + body).get_payload()  # type: ignore[misc]
        name = json.loads(meta.get_payload())["name"]  # type: ignore[union-attr]
        bucket = urlsplit(self.path).path.split("/")[-2]
        if bucket != "bucket":
            code = 403 if bucket == "secret" else 404
            return self.answer(code, {"error": {"code": code, "message": "not yours"}})
        if self.is_refused(name):
            return self.answer(412, {"error": {"code": 412, "message": "it is there"}})
        self.objects[name] = content.get_payload(decode=True)  # type: ignore[union-attr, assignment]
        self.uploaded.append(name)
        if name in self.silent:  # the object is made, the answer is lost
            self.silent.discard(name)
            return self.answer(503, {"error": {"code": 503, "message": "try again"}})
        return self.answer(200, self.resource(name))

    def is_refused(self, name: str) -> bool:
        """Say whether the object was to be created, and is there."""
        query = parse_qs(urlsplit(self.path).query)
        return query.get("ifGenerationMatch") == ["0"] and name in self.objects

    def page(self, query: dict[str, str]) -> dict[str, object]:
        """Return two objects a page, so that more than one page is asked for."""
        prefix = query.get("prefix", "")
        names = sorted(name for name in self.objects if name.startswith(prefix))
        if query.get("delimiter") == "/":
            names = [name for name in names if "/" not in name.removeprefix(prefix)]
        start = int(query.get("pageToken", "0"))
        end = start + min(2, int(query.get("maxResults", "2")))
        answer: dict[str, object] = {"items": [self.resource(name) for name in names[start:end]]}
        return {**answer, "nextPageToken": str(end)} if end < len(names) else answer

    def resource(self, name: str) -> dict[str, object]:
        content = self.objects[name]
        return {"name": name, "bucket": "bucket", "size": str(len(content)), "generation": "1"}

    def answer(self, status: int, value: object) -> None:
        self.send(status, json.dumps(value).encode())

    def send(self, status: int, content: bytes, damaged: bool = False) -> None:
        digest = base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Goog-Hash", f"crc32c={digest}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[::-1] if damaged else content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def empty() -> dict[str, object]:
    """A bucket of its own for every test."""
    return {
        "objects": {},
        "uploaded": [],
        "damaged": set(),
        "silent": set(),
        "lock": threading.Lock(),
    }


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeGcs]]:
    """Cloud Storage on loopback, with the bucket `bucket`; the real client goes there."""
    handler = type("Handler", (FakeGcs,), empty())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()
