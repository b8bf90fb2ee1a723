"""Who may log in, and what a line of logins may look like."""

from __future__ import annotations

import pytest

from console.access import logins
from console.access.roles import Person, Role
from serving.errors import UsageError

AYSE = logins.with_password("ayse", Role.OPERATOR, "kanarya-sarı-1")
BUILD, TOKEN = logins.with_token("build", Role.VIEWER)
KNOWN = logins.parse(f"# people\n{AYSE.line()}\n\n  {BUILD.line()}\n")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "password", "role"),
    [
        ("ayse", "kanarya-sarı-1", Role.OPERATOR),
        ("ayse", "kanarya-sari-1", None),
        ("ayse", "", None),
        ("nobody", "kanarya-sarı-1", None),
        pytest.param("build", TOKEN, None, id="a token opens no form"),
        ("build", "", None),
    ],
)
def test_a_password_opens_for_its_own_name_only(
    name: str, password: str, role: Role | None
) -> None:
    found = KNOWN.of_password(name, password, "127.0.0.1")
    assert found == (Person(name, role, "127.0.0.1") if role else None)


def test_a_token_says_who_has_it() -> None:
    assert KNOWN.of_token(TOKEN) == Person("build", Role.VIEWER)
    assert KNOWN.of_token(TOKEN[:-1]) is None
    assert KNOWN.of_token("") is None
    assert KNOWN.of_token(AYSE.hash) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ayse operator", "line 1 is not NAME viewer|operator|admin HASH"),
        ("ayse boss sha256:00", "line 1 is not NAME viewer|operator|admin HASH"),
        ("a/b operator sha256:00", "line 1 is not NAME viewer|operator|admin HASH"),
        ("ayse operator kanarya-sarı-1", "line 1 has no argon2id or sha256 hash"),
        ("ayse viewer sha256:00\nayse operator sha256:11", "line 2 names ayse again"),
    ],
)
def test_a_wrong_line_is_refused_without_showing_its_secret(line: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        logins.parse(line)
    assert said in str(refused.value)
    assert "sarı" not in str(refused.value)


@pytest.mark.parametrize(("name", "password"), [("ayse", "short"), ("a b", "long enough for it")])
def test_a_short_password_and_a_name_with_a_space_are_refused(name: str, password: str) -> None:
    with pytest.raises(UsageError):
        logins.with_password(name, Role.VIEWER, password)


def test_without_lines_nobody_has_to_log_in() -> None:
    assert not logins.parse("\n# nobody yet\n")
