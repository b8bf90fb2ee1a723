"""Told by real servers: each alert once, whoever was away, whatever was killed in between."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from pipelines.alerts.delivering import LONGEST_S, Round, deliver, pause_s
from pipelines.alerts.outbox import opened
from pipelines.alerts.receivers import ADDRESSES
from pipelines.errors import AlertError
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW
from tests.pipelines.alerts.raised import Told, raised
from tests.pipelines.alerts.receiving import mail, web


def rounds(settings: Settings, first: int, last: int, step: int = 1) -> list[Round]:
    """One round each so many seconds of an imagined clock."""
    moments = [NOW + timedelta(seconds=after) for after in range(first, last, step)]
    return [deliver(settings, moment) for moment in moments]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_webhook_gets_all_of_an_alert_slack_its_sentence(settings: Settings, to: Told) -> None:
    (known,) = raised(settings, 1)
    with web() as server:
        hook = server.url("/hook").replace("//", "//me:pass%3Aword@")
        to(f"{hook} {server.url('/slack', 'slack+http')}")
        assert deliver(settings, NOW) == Round(delivered=2)
        assert deliver(settings, NOW) == Round()
    told = {each.path: each for each in server.posts}
    assert told["/hook"].body == {
        "id": known,
        "at": "2026-11-21T12:00:00+00:00",
        "rule": "KanaryaErrors",
        "severity": "critical",
        "subject": "m-000",
        "sentence": "<It> fails: 34 → 51.",
        "labels": {"model": "m-000"},
    }
    assert (told["/hook"].key, told["/hook"].login) == (known, "Basic bWU6cGFzczp3b3Jk")
    assert told["/slack"].body == {"text": "🔴 &lt;It&gt; fails: 34 → 51."}


def test_what_was_raised_while_the_receiver_was_down_comes_once_when_it_is_up(
    settings: Settings, to: Told
) -> None:
    ids = raised(settings, 40)
    port = free_port()
    to(f"http://127.0.0.1:{port}/told")
    assert sum(each.failed for each in rounds(settings, 0, 60, 3)) in range(4, 8)
    with web(port) as server:
        rounds(settings, 60, 140, 10)
        assert sorted(server.keys) == sorted(ids)
    with opened(settings) as outbox:
        (standing,) = outbox.standings()
    assert (standing.waiting, standing.delivered, standing.failures) == (0, 40, 0)


@pytest.mark.parametrize(
    ("status", "retry_after", "said"),
    [
        (503, "", "it answers 503"),
        (404, "", "it answers 404"),
        (302, "", "it answers 302 and wants another address; give that one"),
        (429, "90", "it answers 429"),
    ],
)
def test_a_receiver_that_refuses_is_left_alone_and_then_asked_again(
    settings: Settings, to: Told, status: int, retry_after: str, said: str
) -> None:
    raised(settings, 2)
    with web() as server:
        server.status, server.retry_after = status, retry_after
        to(server.url())
        assert deliver(settings, NOW) == Round(failed=1)
        with opened(settings) as outbox:
            (standing,) = outbox.standings()
        assert standing.error == said
        assert standing.not_before - NOW.timestamp() >= float(retry_after or 0.8)
        assert deliver(settings, NOW) == Round()
        server.status = 200
        assert deliver(settings, NOW + timedelta(seconds=92)) == Round(delivered=2)
        assert len(set(server.keys)) == len(server.keys) == 2


def test_one_alert_that_is_not_taken_does_not_keep_the_others(settings: Settings, to: Told) -> None:
    ids = raised(settings, 8)
    with web() as server:
        server.refused_key = ids[0]
        to(server.url())
        rounds(settings, 0, 4)
        assert sorted(server.keys) == ids[1:]
        server.refused_key = ""
        rounds(settings, 60, 400, 60)
        assert sorted(server.keys) == ids


def test_a_receiver_that_is_away_does_not_keep_another(settings: Settings, to: Told) -> None:
    raised(settings, 5)
    with web() as server, mail() as post:
        post.refuses = True
        to(f"http://127.0.0.1:{free_port()}/ {server.url()} smtp://localhost:{post.port}/a@b.org")
        assert deliver(settings, NOW) == Round(delivered=5, failed=2)
        with opened(settings) as outbox:
            errors = [each.error for each in outbox.standings()]
    assert sorted(errors) == [
        "",
        "it cannot be reached (Connection refused)",
        "the mail server answers 451",
    ]


SECRETS = (
    "http://me:s3cr3t@127.0.0.1:{port}/s3cr3t",
    "https://127.0.0.1:{port}/s3cr3t",
    "slack+http://127.0.0.1:{port}/s3cr3t?key=s3cr3t",
    "smtp://me:s3cr3t@127.0.0.1:{port}/a@b.org",
    "smtps://me:s3cr3t@127.0.0.1:{port}/a@b.org",
)


@pytest.mark.parametrize("address", SECRETS)
def test_no_secret_gets_into_the_outbox_or_into_what_is_said(
    settings: Settings, to: Told, address: str
) -> None:
    raised(settings, 1)
    with web() as server:
        server.status = 401
        to(address.format(port=server.port))
        if address.startswith("smtp"):
            to(address.format(port=free_port()))
        assert deliver(settings, NOW) == Round(failed=1)
    with opened(settings) as outbox:
        assert outbox.standings()[0].error
    kept = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    assert b"KanaryaErrors" in kept and b"s3cr3t" not in kept


def test_nobody_is_told_where_there_is_nobody_and_later_of_what_is_not_old(
    settings: Settings, to: Told
) -> None:
    raised(settings, 1)
    assert deliver(settings, NOW) == Round()
    with web() as server:
        to(server.url())
        assert deliver(settings, NOW + timedelta(hours=2)) == Round(delivered=1)
        assert len(server.posts) == 1


def test_what_is_old_is_forgotten_where_there_is_nobody_too(settings: Settings) -> None:
    raised(settings, 2)
    assert deliver(settings, NOW + timedelta(days=40)) == Round()
    with opened(settings) as outbox:
        assert outbox.alerts(9) == []


def test_the_pause_grows_to_five_minutes() -> None:
    shortest = [pause_s(failures, lambda: 0.0) for failures in (0, 1, 5, 9, 4000)]
    assert shortest == [0.8, 1.6, 25.6, 0.8 * LONGEST_S, 0.8 * LONGEST_S]
    assert pause_s(0, lambda: 1.0) == 1.0


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may be written to."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_nobody_is_told_again_and_again(settings: Settings, to: Told) -> None:
    raised(settings, 2)
    with web() as server, opened(settings) as looker:
        looker.before()  # whoever has it open keeps SQLite's files beside it, so that it opens
        server.status = 503
        to(server.url())
        deliver(settings, NOW)
        server.status = 200
        for after in (60, 120):
            with full_disk(), pytest.raises(AlertError, match="free disk space"):
                deliver(settings, NOW + timedelta(seconds=after))
        assert server.posts == []
        assert deliver(settings, NOW + timedelta(seconds=180)) == Round(delivered=2)
        assert len(server.posts) == 2


SEND = """
from datetime import UTC, datetime
from pipelines.alerts.delivering import deliver
from serving.settings import Settings
print(deliver(Settings.from_env(), datetime(2026, 11, 21, 12, 1, tzinfo=UTC)).delivered)
"""


@pytest.mark.e2e
def test_who_is_killed_between_sending_and_noting_sends_again_with_the_same_key(
    settings: Settings,
) -> None:
    (known,) = raised(settings, 1)
    with web() as server:
        server.silent = threading.Event()
        env = {**os.environ, "KANARYA_HOME": str(settings.home), ADDRESSES: server.url()}
        killed = subprocess.Popen([sys.executable, "-c", SEND], env=env)
        assert server.came.wait(60)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        server.silent.set()
        with opened(settings) as outbox:
            assert [each.state for each in outbox.deliveries(9)] == ["waiting"]
        sent = subprocess.run(
            [sys.executable, "-c", SEND], env=env, capture_output=True, text=True, check=True
        )
        assert (sent.stdout, server.keys) == ("1\n", [known, known])
