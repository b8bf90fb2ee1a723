"""What is told by mail: letters, logins, TLS."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from pipelines.alerts import sending
from pipelines.alerts.alert import alert
from pipelines.alerts.delivering import Round, deliver
from pipelines.alerts.outbox import opened
from pipelines.alerts.receivers import ADDRESSES, receiver
from pipelines.alerts.rule import Severity
from pipelines.alerts.trying import tried
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW
from tests.pipelines.alerts.raised import Told, raised
from tests.pipelines.alerts.receiving import certificate, mail, tls_context


def test_a_letter_says_it_and_one_that_comes_twice_has_one_id(settings: Settings, to: Told) -> None:
    raised(settings, 2)
    with mail() as server:
        to(f"smtp://me:pass%3Aword@localhost:{server.port}/ops@example.com?from=k@example.com")
        assert deliver(settings, NOW) == Round(delivered=2)
        again = alert("KanaryaErrors", Severity.CRITICAL, {"model": "m-000"}, "It fails.", NOW)
        with sending.to(receiver(os.environ[ADDRESSES], "here")) as send:
            send(again)
    first, _, last = server.letters
    assert first["Subject"] == "[critical] KanaryaErrors: m-000"
    assert (first["To"], first["From"]) == ("ops@example.com", "k@example.com")
    assert "<It> fails: 34 → 51." in first.get_payload(decode=True).decode()
    assert first["Message-ID"] == last["Message-ID"]
    assert len({each["Message-ID"] for each in server.letters}) == 2


def test_a_letter_that_some_did_not_get_says_so_where_it_is_delivered(
    settings: Settings, to: Told
) -> None:
    raised(settings, 1)
    said = "the mail server refuses b@example.com (550); the others have it"
    with mail() as server:
        server.knows = "ops@"
        to(f"smtp://localhost:{server.port}/ops@example.com,b@example.com")
        assert deliver(settings, NOW) == Round(delivered=1)
        assert deliver(settings, NOW) == Round() and len(server.letters) == 1
        assert list(tried().values()) == [said]
        to(f"smtp://localhost:{server.port}/b@example.com")
        assert list(tried().values()) == ["the mail server refuses who gets it (550)"]
    with opened(settings) as outbox:
        (known,) = outbox.deliveries(9)
    assert (known.state, known.error) == ("delivered", said)


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("s3cr3t%C3%BC", "the mail server cannot be used (user and password must be ASCII)"),
        ("s3cr3t", "the mail server answers 535"),
    ],
)
def test_a_login_that_fails_is_said_without_the_password(
    settings: Settings, to: Told, password: str, said: str
) -> None:
    raised(settings, 1)
    with mail() as server:
        to(f"smtp://me:{password}@127.0.0.1:{server.port}/a@b.org")
        assert deliver(settings, NOW) == Round(failed=1)
    with opened(settings) as outbox:
        assert outbox.standings()[0].error == said


def test_a_password_is_said_only_after_tls(
    settings: Settings, to: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised(settings, 1)
    here = "127.0.0.2"  # not this machine's own name
    with mail(here) as server:
        to(f"smtp://me:pass%3Aword@{here}:{server.port}/a@b.org")
        assert deliver(settings, NOW) == Round(failed=1)
        with opened(settings) as outbox:
            assert "offers no STARTTLS" in outbox.standings()[0].error
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, here)))
    with mail(here, tls_context(tmp_path)) as server:
        to(f"smtp://me:pass%3Aword@{here}:{server.port}/a@b.org")
        assert deliver(settings, NOW + timedelta(minutes=1)) == Round(delivered=1)
        assert len(server.letters) == 1
    with opened(settings) as outbox:
        assert not server.said_in_the_clear and outbox.standings()[0].delivered == 1
