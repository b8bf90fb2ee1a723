"""Where the console listens, and when it refuses to."""

from __future__ import annotations

import pytest

from console.access.logins import with_password
from console.access.roles import Role
from console.settings import ConsoleSettings, is_loopback
from serving.errors import UsageError

LOGIN = {"KANARYA_CONSOLE_LOGINS": with_password("ayse", Role.VIEWER, "kanarya-sarı-1").line()}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.3.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.7", False),
        ("kanarya.example", False),
    ],
)
def test_off_loopback_it_needs_logins(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
    if not loopback:
        with pytest.raises(UsageError, match="KANARYA_CONSOLE_LOGINS"):
            ConsoleSettings.from_env(host, env={})
    assert ConsoleSettings.from_env(host, env=LOGIN).host == host
    assert bool(ConsoleSettings.from_env(host, env=LOGIN).logins)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"KANARYA_CONSOLE_PORT": "86o2"}, "KANARYA_CONSOLE_PORT is '86o2': give a port"),
        ({"KANARYA_CONSOLE_PORT": "99999"}, "'99999': give a port from 0 to 65535"),
        ({"KANARYA_UPLOAD_LIMIT_MB": "-1"}, "'-1' is not a whole number"),
        ({"KANARYA_CONSOLE_LOGINS": "ayse"}, "line 1"),
    ],
)
def test_a_wrong_setting_is_one_sentence(env: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ConsoleSettings.from_env(env=env)
