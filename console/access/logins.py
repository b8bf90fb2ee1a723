"""Who may log in: one line a person, with a role and the hash of a password or of a token.

    ayse operator $argon2id$v=19$m=65536,t=3,p=4$…
    build viewer sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

A password is guessed offline once its hash is stolen, so it is hashed slowly (argon2id); a token is
long and random, so its plain hash is enough and costs a request nothing.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from console.access.roles import Person, Role
from serving.errors import UsageError

VARIABLE = "KANARYA_CONSOLE_LOGINS"
SHORTEST = 10
"""Characters of a password."""
_NAME = re.compile(r"[\w.@-]{1,64}")
_TOKEN = "sha256:"
# Verified for a name that nobody has: the time of an answer must not tell which names there are.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43


@dataclass(frozen=True)
class Login:
    """One line: a name, its role and the hash."""

    name: str
    role: Role
    hash: str

    def line(self) -> str:
        """Return the line that says this."""
        return f"{self.name} {self.role} {self.hash}"


@dataclass(frozen=True)
class Logins:
    """Everybody who may log in; nobody at all means that loopback needs no login."""

    by_name: Mapping[str, Login]

    def __bool__(self) -> bool:
        """Say whether a login is asked for."""
        return bool(self.by_name)

    def of_password(self, name: str, password: str, address: str = "") -> Person | None:
        """Return who gave this name and password, None where they are wrong. Takes 50 ms."""
        login = self.by_name.get(name)
        known = login is not None and not login.hash.startswith(_TOKEN)
        if not _verified(login.hash if login and known else _NOBODY, password) or not login:
            return None
        return Person(login.name, login.role, address)

    def of_token(self, token: str, address: str = "") -> Person | None:
        """Return whose token this is, None where it is nobody's."""
        given = hashed_token(token)
        found = None
        for login in self.by_name.values():
            if hmac.compare_digest(login.hash, given):
                found = Person(login.name, login.role, address)
        return found


def parse(text: str) -> Logins:
    """Return the logins of a text. Raises UsageError with the line's number, never its hash."""
    logins: dict[str, Login] = {}
    for number, line in _lines(text):
        words = line.split()
        if len(words) != 3 or not _NAME.fullmatch(words[0]) or words[1] not in set(Role):
            raise UsageError(
                f"{VARIABLE}: line {number} is not NAME {'|'.join(Role)} HASH; "
                "`kanarya console login NAME` prints such a line"
            )
        if not words[2].startswith(("$argon2id$", _TOKEN)):
            raise UsageError(
                f"{VARIABLE}: line {number} has no argon2id or sha256 hash; "
                "`kanarya console login NAME` prints one"
            )
        if words[0] in logins:
            raise UsageError(f"{VARIABLE}: line {number} names {words[0]} again; leave one")
        logins[words[0]] = Login(words[0], Role(words[1]), words[2])
    return Logins(logins)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def with_password(name: str, role: Role, password: str) -> Login:
    """Return the login of a password. Raises UsageError where name or password will not do."""
    from argon2 import PasswordHasher

    _require_name(name)
    if len(password) < SHORTEST:
        raise UsageError(f"a password needs {SHORTEST} characters, this one has {len(password)}")
    return Login(name, role, PasswordHasher().hash(password))


def with_token(name: str, role: Role) -> tuple[Login, str]:
    """Return the login of a new token, and the token, which is kept nowhere."""
    _require_name(name)
    token = secrets.token_urlsafe(32)
    return Login(name, role, hashed_token(token)), token


def hashed_token(token: str) -> str:
    """Return the hash by which a token is known."""
    return _TOKEN + sha256(token.encode()).hexdigest()


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a login: letters, digits and . _ @ - only")


def _verified(known: str, password: str) -> bool:
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return PasswordHasher().verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
