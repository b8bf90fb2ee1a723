"""Tables from an HTTP server that answers whole, in ranges, not at all, or breaks off."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components import dataset
from components.errors import UnreadableError
from components.ingest import remote, step
from components.ingest.rules import Request
from serving.errors import KanaryaError, PlatformError, UsageError

ROWS = "a,y\n" + "".join(f"{n},{n % 2}\n" for n in range(5_000))


class Breaking(BaseHTTPRequestHandler):
    """Sends half of what is asked for, `breaks` times; `ranges`: whether it can go on there."""

    content = b""
    breaks = 0
    ranges = True
    refusals = 0
    """So many are answered with `refusal` at first, and `retry_after`."""
    refusal = 503
    retry_after = ""
    asked: list[str | None]

    def do_GET(self) -> None:
        kind = type(self)
        asked = self.headers["Range"]
        kind.asked.append(asked)
        if self.path == "/none.csv":
            return self.send_error(404)
        if kind.refusals:
            kind.refusals -= 1
            self.send_response(kind.refusal)
            self.send_header("Retry-After", kind.retry_after)
            return self.end_headers()
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and kind.ranges else 0
        body = kind.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"one"')
        self.end_headers()
        if kind.breaks:
            kind.breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[tuple[type[Breaking], str]]:
    handler = type("Handler", (Breaking,), {"asked": []})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler, f"http://127.0.0.1:{listening.server_port}"
    listening.shutdown()
    listening.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that would have been waited for."""
    found: list[float] = []
    monkeypatch.setattr(remote.time, "sleep", found.append)
    return found


@pytest.mark.parametrize(
    ("refusal", "refusals", "retry_after", "waited"),
    [
        (503, 2, "", [0.5, 1.0]),
        (429, 2, "7", [7.0, 7.0]),
        (429, 1, "Sat, 21 Nov 2020 12:00:00 GMT", [0.5]),
        (429, 1, "soon", [0.5]),
    ],
)
def test_a_server_that_is_busy_is_asked_again_when_it_wants(
    tmp_path: Path,
    server: tuple[type[Breaking], str],
    paused: list[float],
    refusal: int,
    refusals: int,
    retry_after: str,
    waited: list[float],
) -> None:
    handler, address = server
    handler.content, handler.refusal, handler.refusals = ROWS.encode(), refusal, refusals
    handler.retry_after = retry_after
    step.run(f"{address}/rows.csv", Request("y"), tmp_path / "table")
    assert paused == waited


@pytest.mark.parametrize(
    ("refusal", "retry_after", "reason"),
    [
        (429, "", "in 4 attempts (HTTP Error 429: Too Many Requests); try again"),
        (429, "3600", "its server asks to be left alone for 3,600 s; try again then"),
        (403, "", "answers 403 Forbidden: give the address a login that may read it."),
        (410, "", "answers 410 Gone: check the address."),
    ],
)
def test_what_a_server_refuses_is_told_with_what_to_do(
    tmp_path: Path, server: tuple[type[Breaking], str], refusal: int, retry_after: str, reason: str
) -> None:
    handler, address = server
    handler.refusal, handler.refusals, handler.retry_after = refusal, 99, retry_after
    with pytest.raises(KanaryaError) as caught:
        step.run(f"{address}/rows.csv", Request("y"), tmp_path / "table")
    assert reason in str(caught.value)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("breaks", "ranges"), [(0, True), (2, True), (1, False)])
def test_a_source_that_breaks_off_is_taken_up_where_it_ended(
    tmp_path: Path, server: tuple[type[Breaking], str], packed: bool, breaks: int, ranges: bool
) -> None:
    handler, address = server
    handler.content = gzip.compress(ROWS.encode()) if packed else ROWS.encode()
    handler.breaks, handler.ranges = breaks, ranges
    step.run(f"{address}/rows.csv?key=1", Request("y"), tmp_path / "table")
    assert dataset.read_columns(tmp_path / "table")["a"].tolist() == list(range(5_000))
    assert len(handler.asked) == breaks + 1
    assert all(asked is not None for asked in handler.asked[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["table"]


@pytest.mark.parametrize(
    ("name", "breaks", "kind", "reason"),
    [
        ("none.csv", 0, UnreadableError, "the server answers 404 Not Found: check the address."),
        ("rows.csv", 99, PlatformError, "could not be fetched in 4 attempts (the answer broke off"),
    ],
)
def test_a_source_that_gives_nothing_whole_is_refused_in_a_sentence(
    tmp_path: Path,
    server: tuple[type[Breaking], str],
    name: str,
    breaks: int,
    kind: type[KanaryaError],
    reason: str,
) -> None:
    handler, address = server
    handler.content, handler.breaks = ROWS.encode(), breaks
    with pytest.raises(kind) as caught:
        step.run(f"{address}/{name}", Request("y"), tmp_path / "table")
    assert reason in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_scheme_that_nobody_speaks_is_refused(tmp_path: Path) -> None:
    reason = r"ftp://host/rows.csv cannot be reached: supported are .*gs://, s3:// and http\(s\)://"
    with pytest.raises(UsageError, match=reason):
        step.run("ftp://host/rows.csv", Request("y"), tmp_path / "table")
