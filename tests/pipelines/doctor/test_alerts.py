"""What the doctor says of who is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pipelines.alerts.alert import alert
from pipelines.alerts.outbox import opened, raise_
from pipelines.alerts.receivers import ADDRESSES
from pipelines.alerts.rule import Severity
from pipelines.doctor import alerts
from pipelines.doctor.finding import Health
from serving.settings import Settings

NOW = datetime.now(UTC)


def said(settings: Settings, to: str = "") -> list[tuple[Health, str]]:
    return [(each.health, each.says) for each in alerts.findings(settings, {ADDRESSES: to})]


def test_who_is_told_is_said_and_what_is_no_address(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home")})
    assert said(settings) == [
        (Health.OK, "nobody is told: KANARYA_ALERTS_FILE names a file of addresses")
    ]
    assert said(settings, "smtp://m.org/a@b.org") == [(Health.OK, "told: email:a@b.org")]
    ((health, why),) = said(settings, "mailto:a@b.org")
    assert health is Health.WRONG and "is no address that alerts can go to" in why
    assert not settings.home.exists()


def test_a_receiver_that_takes_nothing_is_a_warning(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    made = alert("KanaryaTest", Severity.INFO, {}, "It is.", NOW)
    raise_(settings, made)
    with opened(settings) as outbox:
        outbox.send_out(["email:a@b.org"], NOW.timestamp())
        outbox.failed("email:a@b.org", made.id, "the mail server answers 451", 0.0)
    found = said(settings, "smtp://m.org/a@b.org")
    warned = "email:a@b.org: 1 waiting; the mail server answers 451"
    assert found == [(Health.OK, "told: email:a@b.org"), (Health.WARNING, warned)]
