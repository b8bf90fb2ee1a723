"""Who is told: addresses of three kinds, names that give no secret away, refusals that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.alerts.receivers import ADDRESSES, FILE, configured, receiver
from serving.errors import UsageError

SECRET = "s3cr3t"
GOOD = [
    (f"https://hooks.example.com/{SECRET}", "webhook:hooks.example.com#"),
    (f"http://me:{SECRET}@127.0.0.1:9000/told", "webhook:127.0.0.1:9000#"),
    (f"slack+https://hooks.slack.com/services/T0/B0/{SECRET}", "slack:hooks.slack.com#"),
    (f"smtps://me%40example.com:{SECRET}@mail.example.com/ops@example.com", "email:ops@example"),
    (f"smtp://mail.example.com:2525/a@x.org,b@x.org?from=k@x.org&{SECRET}", "email:a@x.org,b@x"),
]
BAD = [
    f"ftp://example.com/{SECRET}",
    f"{SECRET}",
    f"https:///{SECRET}",
    f"https://example.com:{SECRET}/",
    f"smtps://me:{SECRET}@mail.example.com",
    f"smtps://me:{SECRET}@mail.example.com/nobody",
    f"https://[::1/{SECRET}",
    f"https://example.com/{SECRET}ü",
    f"smtps://me:{SECRET}@mail.example.com/a@b.org%0aBcc:c@d.org",
    f"smtps://me:{SECRET}@mail.example.com/a@b.org?from=k@b.org%0d%0aBcc:c@d.org",
]


@pytest.mark.parametrize(("url", "name"), GOOD)
def test_an_address_has_a_name_without_its_secret(url: str, name: str) -> None:
    found = receiver(url, "the test")
    assert found.name.startswith(name)
    assert SECRET not in found.name + repr(found)
    assert receiver(url, "the test") == found


def test_two_secrets_of_one_host_are_two_receivers() -> None:
    names = {receiver(f"https://h.example.com/{each}", "x").name for each in "ab"}
    assert len(names) == 2


def test_a_letter_is_from_who_logs_in_or_from_us() -> None:
    addresses = (
        "smtps://me%40x.org:p@mail.x.org/a@y.org",
        "smtp://mail.x.org/a@y.org",
        "smtp://mail.x.org/a@y.org?from=it@x.org",
    )
    senders = [receiver(each, "x").sender for each in addresses]
    assert senders == ["me@x.org", "kanarya@y.org", "it@x.org"]


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_address_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(UsageError) as told:
        configured({ADDRESSES: url})
    assert SECRET not in str(told.value) and f"{ADDRESSES}, address 1" in str(told.value)


def test_a_file_has_an_address_a_line_and_remarks(tmp_path: Path) -> None:
    file = tmp_path / "to"
    file.write_text("# ours\nhttps://a.example.com/1\n\nsmtp://m.example.com/a@b.org\n")
    names = [each.name for each in configured({FILE: str(file), ADDRESSES: "https://c.org/2"})]
    assert [name.partition("#")[0] for name in names] == [
        "webhook:c.org",
        "webhook:a.example.com",
        "email:a@b.org",
    ]
    for wrong in (f"http//{SECRET}", f"https://a.example.com/{SECRET} x"):
        file.write_text(f"https://a.example.com/1\n{wrong}\n")
        with pytest.raises(UsageError, match=f"{file}, line 2,") as told:
            configured({FILE: str(file)})
        assert SECRET not in str(told.value)


def test_nobody_and_no_file_are_told_apart(tmp_path: Path) -> None:
    assert configured({}) == ()
    with pytest.raises(UsageError, match=r"KANARYA_ALERTS_FILE: .* cannot be read \(No such file"):
        configured({FILE: str(tmp_path / "none")})
