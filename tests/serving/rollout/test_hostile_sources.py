"""A source that is down, slow, huge, elsewhere, locked or damaged is NotMeasured, in a sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import pytest

from serving.isvc.resource import METRICS_URL
from serving.local.gateway_metrics import Metrics
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources import GatewaySource, PredictorSource, PrometheusSource, Server, Source
from serving.rollout.sources.fetching import Limits
from tests.serving.rollout.metrics_kit import (
    CANARY,
    STABLE,
    Answer,
    Exporter,
    Talk,
    serving,
    site,
    talking,
    vector,
)

QUICK, PATIENT = Limits(timeout_s=0.05, largest=1 << 20), Limits(timeout_s=10)
SOURCES: Mapping[str, Callable[[str, Limits], Source]] = {
    "gateway": lambda url, limits: GatewaySource(limits=limits),
    "predictors": lambda url, limits: PredictorSource(limits=limits),
    "prometheus": lambda url, limits: PrometheusSource(Server(url), limits=limits),
}


def look(kind: str, url: str, limits: Limits = PATIENT) -> Observation | NotMeasured:
    view = serving(url=url, annotations={METRICS_URL: f"{url}/metrics"})
    return SOURCES[kind](url, limits).observe(view, 7.0)


def trickle(head: bytes) -> Talk:
    """Send a byte now and then, for ever: no read of a socket ever takes long."""

    def talk(sock) -> None:
        sock.sendall(head)
        while True:
            time.sleep(0.01)
            sock.sendall(b"#")

    return talk


def flood(sock) -> None:
    """Send a gigabyte."""
    sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1024):
        sock.sendall(b"# a comment\n" * (1 << 16))


def said(text: bytes) -> Talk:
    return lambda sock: sock.sendall(text)


WIRES: dict[str, tuple[Talk, str]] = {
    "says nothing": (lambda sock: time.sleep(1), "within 0.05 s"),
    "trickles headers": (trickle(b"HTTP/1.1 200 OK\r\nX: "), "within 0.05 s"),
    "trickles a body": (trickle(b"HTTP/1.1 200 OK\r\n\r\n"), "within 0.05 s"),
    "trickles chunks": (
        trickle(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n"),
        "within 0.05 s",
    ),
    "sends a gigabyte": (flood, ""),
    "hangs up": (said(b""), "no metrics from http://127.0.0.1:"),
    "hangs up in the middle": (
        said(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nkan"),
        "no metrics from",
    ),
    "is no HTTP": (said(b"SSH-2.0-OpenSSH_9.2\r\n"), "no metrics from"),
}
ANSWERS: dict[str, tuple[Answer, str]] = {
    "sends elsewhere": (
        Answer(status=302, headers={"Location": "http://10.0.0.1/login?a=b"}),
        "answers 302, a redirect to http://10.0.0.1/login; give",
    ),
    "wants a login": (Answer(status=401), "answers 401: it wants a login"),
    "forbids": (Answer(status=403), "answers 403: it wants a login"),
    "is not there": (Answer(b"no such page", 404), "answers 404 (no such page)"),
    "is broken": (Answer(status=500), "answers 500 (Internal Server Error)"),
    "is a web page": (
        Answer(b"<!doctype html>", headers={"Content-Type": "text/html; charset=utf-8"}),
        "with a web page",
    ),
    "is compressed": (Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}), "compressed"),
    "is empty": (Answer(b""), ""),
    "is no text": (Answer(b"\xff\xfe{service=\xff\n"), ""),
    "is of another sort": (Answer(b'{"status": "ok"}'), ""),
}


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("case", WIRES)
def test_a_server_that_misbehaves_is_not_measured(kind: str, case: str) -> None:
    talk, words = WIRES[case]
    began = time.monotonic()
    with talking(talk) as url:
        seen = look(kind, url, QUICK)
    assert isinstance(seen, NotMeasured)
    assert words in seen.reason and url.removeprefix("http://") in seen.reason, seen.reason
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_no_metrics_is_not_measured(kind: str, case: str) -> None:
    answer, words = ANSWERS[case]
    with site(lambda path, headers: answer) as url:
        seen = look(kind, url)
    assert isinstance(seen, NotMeasured)
    assert words in seen.reason and "; " in seen.reason and url in seen.reason, seen.reason


@pytest.mark.parametrize("kind", SOURCES)
def test_a_server_that_is_down_is_not_measured(kind: str) -> None:
    with talking(lambda sock: None) as url:
        pass
    seen = look(kind, url)
    assert isinstance(seen, NotMeasured)
    assert "Connection refused" in seen.reason and url in seen.reason


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "nonsense", "http://", "http://me:s3cret@localhost:1", "http://a:b"],
)
def test_an_address_that_is_none_is_not_measured(kind: str, url: str) -> None:
    seen = look(kind, url)
    assert isinstance(seen, NotMeasured)
    assert "s3cret" not in seen.reason


GATEWAY = Metrics(started_at=1.5)
for _revision in (STABLE, CANARY):
    GATEWAY.service("ml", "iris").attempt(_revision, "200", 0.01)


def pods(count: str = "9", more: str = "") -> bytes:
    """What Prometheus answers of two pods that were scraped just now."""
    found = []
    for revision in (STABLE, CANARY):
        pod = {"revision": revision, "pod": f"{revision}-x", "job": "j", "instance": revision}
        found += [
            ({**pod, "part": "at"}, 100),
            ({**pod, "part": "code", "response_code": "200"}, count),
            ({**pod, "part": "seconds", "le": "5"}, 9),
            ({**pod, "part": "seconds", "le": "+Inf"}, 9),
        ]
        found += [({**pod, "part": "seconds", "le": "5.0"}, more)] if more else []
    return vector(100.0, *found)


def damaged(kind: str, wrong: str) -> bytes:
    """A page that is right but for one number, or one line."""
    page = {
        "gateway": GATEWAY.render(),
        "predictors": Exporter(codes={"200": 9}).predictor().encode(),
        "prometheus": pods(),
    }[kind]
    line = next(
        line
        for line in page.splitlines(keepends=True)
        if line.startswith((b"kanarya_requests_total", b"kanarya_predictor_requests_total", b"{"))
    )
    match wrong:
        case "twice" if kind == "prometheus":
            return pods(more="9")
        case "twice":
            return page.replace(line, line + line)
        case "cut off":
            return page[: page.index(line) + len(line) // 2]
        case _ if kind == "prometheus":
            return pods(count=wrong)
        case _:
            return page.replace(line, line.rsplit(b" ", 1)[0] + b" " + wrong.encode() + b"\n")


@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize("wrong", ["NaN", "+Inf", "-1", "many", "twice", "cut off"])
def test_a_number_that_is_no_count_is_not_measured(kind: str, wrong: str) -> None:
    body = damaged(kind, wrong)
    with site(lambda path, headers: Answer(body)) as url:
        seen = look(kind, url)
    assert isinstance(seen, NotMeasured)
    assert url in seen.reason and "; " in seen.reason, seen.reason


@pytest.mark.parametrize("kind", ["gateway", "predictors"])
def test_the_undamaged_page_is_measured(kind: str) -> None:
    body = {"gateway": GATEWAY.render(), "predictors": Exporter().predictor().encode()}[kind]
    with site(lambda path, headers: Answer(body)) as url:
        assert isinstance(look(kind, url), Observation)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with ExitStack() as stack:
        url = stack.enter_context(site(lambda path, headers: Answer(GATEWAY.render())))
        assert isinstance(look("gateway", url), Observation)
