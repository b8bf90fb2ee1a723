"""S3 on loopback: moto's server for what works, a bare one for what is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

KEYS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """The address of moto's server; what one test leaves there, the next one empties."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield f"http://127.0.0.1:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture
def s3(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Amazon's own client, and the empty bucket `bucket`."""
    import boto3

    for name, value in {**KEYS, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_address)
    client.create_bucket(Bucket="bucket")
    yield client
    for each in client.list_objects_v2(Bucket="bucket").get("Contents", ()):
        client.delete_object(Bucket="bucket", Key=each["Key"])
    client.delete_bucket(Bucket="bucket")


@contextmanager
def refusing(status: int, code: str) -> Iterator[str]:
    """Yield the address of a server that gives everybody the same refusal."""
    with answering(lambda method: (status, code)) as address:
        yield address


@contextmanager
def answering(answer: Callable[[str], tuple[int, str]]) -> Iterator[str]:
    """Yield the address of a server that answers each method: a status, an error's code or ""."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # which says Continue to whoever asks before sending

        def do_GET(self) -> None:
            status, code = answer(self.command)
            told = f"<Error><Code>{code}</Code><Message>no.</Message></Error>" if code else ""
            body = told.encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:9/login")
            self.end_headers()
            self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the base class asks for it

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
