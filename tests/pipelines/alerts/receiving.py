"""Who is told, in tests: a web server and a mail server of real sockets."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Post:
    path: str
    key: str
    login: str
    body: Any


@dataclass
class Web:
    """Answers with `status`, 500 to what has `refused_key` in its key; keeps what it took."""

    port: int = 0
    status: int = 200
    retry_after: str = ""
    refused_key: str = ""
    silent: threading.Event | None = None
    """Until it is set, what comes is kept and not answered."""
    came: threading.Event = field(default_factory=threading.Event)
    posts: list[Post] = field(default_factory=list)

    @property
    def keys(self) -> list[str]:
        return [each.key for each in self.posts]

    def url(self, path: str = "/told", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}{path}"


@contextmanager
def web(port: int = 0) -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers["Idempotency-Key"]
            refused = found.refused_key and found.refused_key in key
            status = 500 if refused else found.status
            if status < 300:
                login = self.headers["Authorization"] or ""
                found.posts.append(Post(self.path, key, login, body))
            found.came.set()
            if found.silent is not None and not found.silent.wait(60):
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            if found.retry_after:
                self.send_header("Retry-After", found.retry_after)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        found.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Mail:
    port: int = 0
    letters: list[Message] = field(default_factory=list)
    refuses: bool = False
    knows: str = "@"
    """Only who has this in the address."""
    said_in_the_clear: bool = False
    """Whether anybody has logged in without TLS."""

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self.knows not in address:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 known"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 come again"
        self.letters.append(message_from_bytes(envelope.content))
        return "250 taken"


class Anywhere(Controller):
    """Listens on a port of the system's choice, where aiosmtpd would look for it on port 0."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()


def certificate(folder: Path, host: str) -> Path:
    """A certificate of an address, signed by itself; its key is beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "cert.pem"


def tls_context(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@contextmanager
def mail(host: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Iterator[Mail]:
    found = Mail()

    def login(_server: Any, session: Any, _envelope: Any, _kind: str, data: Any) -> AuthResult:
        found.said_in_the_clear |= session.ssl is None
        known = isinstance(data, LoginPassword) and data.password == b"pass:word"
        return AuthResult(success=known, handled=False)  # else nobody answers

    tls = {"tls_context": context, "require_starttls": True} if context else {}
    controller = Anywhere(
        found, hostname=host, port=0, authenticator=login, auth_require_tls=False, **tls
    )
    controller.start()
    try:
        found.port = controller.port
        yield found
    finally:
        controller.stop()
