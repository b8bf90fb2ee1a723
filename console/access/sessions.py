"""Who logged in, in a signed cookie: it outlives a restart, and nothing is stored for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from console.access.roles import Person, Role

COOKIE = "kanarya_session"
LIFE_S = 12 * 3600
_SALT = "kanarya.console.session"


@dataclass
class Sessions:
    """Makes and reads cookies; those of people who logged out are refused until they expire."""

    secret: bytes
    ended: set[str] = field(default_factory=set)

    def cookie(self, person: Person) -> str:
        """Return what the browser is to keep for a person who logged in just now."""
        value = {"name": person.name, "role": str(person.role), "id": secrets.token_hex(8)}
        return str(self._serializer().dumps(value))

    def person(self, cookie: str, address: str = "") -> Person | None:
        """Return whose cookie this is; None where it is forged, expired or was given up."""
        try:
            value = self._serializer().loads(cookie, max_age=LIFE_S)
            if value["id"] in self.ended:
                return None
            return Person(value["name"], Role(value["role"]), address)
        except (BadData, KeyError, ValueError, TypeError):
            return None

    def end(self, cookie: str) -> None:
        """Refuse a cookie from now on."""
        try:
            self.ended.add(self._serializer().loads(cookie)["id"])
        except (BadData, KeyError, TypeError):
            return

    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt=_SALT, signer=TimestampSigner)


def kept_secret(path: Path) -> bytes:
    """Return the secret in a file that only its owner may read; it is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(secrets.token_bytes(32))
    except FileExistsError:
        pass
    known = path.read_bytes()
    if len(known) >= 32:
        return known
    # Killed between making and writing it: nobody has a cookie of an empty secret.
    path.unlink()
    return kept_secret(path)
