"""Who logged in, in a signed cookie that outlives a restart; only who logged out is written down.

    1795269600 9f86d081884c7d65

A line an ended session: when the cookie expires anyway (seconds since 1970), and its id.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from console.access.roles import Person, Role
from serving.errors import PlatformError
from serving.storage import partial

COOKIE = "kanarya_session"
LIFE_S = 12 * 3600
LARGEST = 10_000
"""Ended sessions that are remembered; who ends more within twelve hours has logged in as often."""
_SALT = "kanarya.console.session"

log = logging.getLogger(__name__)


@dataclass
class Sessions:
    """Makes and reads cookies; those of people who logged out are refused until they expire.

    `ended`: the ids of those, and when each expires (seconds since 1970); kept in `file`, where
    there is one.
    """

    secret: bytes
    ended: dict[str, float] = field(default_factory=dict)
    file: Path | None = None
    _alone: Lock = field(default_factory=Lock, repr=False, compare=False)

    @classmethod
    def kept(cls, folder: Path) -> Sessions:
        """Return the sessions of an installation, whose secret is made where there is none.

        Raises PlatformError where the file of ended ones cannot be read.
        """
        secret, file = kept_secret(folder / "secret"), folder / "ended"
        return cls(secret, _left(_read(file), time.time()), file)

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
        """Refuse a cookie from now on, after a restart too; a disk that is full is logged."""
        try:
            # One that has expired is refused anyway: it is not worth a line.
            known, made = self._serializer().loads(cookie, max_age=LIFE_S, return_timestamp=True)
            until = made.timestamp() + LIFE_S + 1
            with self._alone:
                self.ended = {**_left(self.ended, time.time()), str(known["id"]): until}
                self._keep()
        except (BadData, KeyError, TypeError):
            return

    def _keep(self) -> None:
        if self.file is None:
            return
        try:
            with partial(self.file) as unfinished:
                unfinished.write_text(_text(self.ended), encoding="utf-8")
        except OSError as error:
            log.error(
                "%s: a session that was ended is so until a restart only (%s)", self.file, error
            )

    def _serializer(self) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self.secret, salt=_SALT, signer=TimestampSigner)


def _left(ended: Mapping[str, float], now: float) -> dict[str, float]:
    """Return the ended sessions whose cookies have not expired, the newest of too many."""
    left = [(known, until) for known, until in ended.items() if until > now]
    return dict(left[-LARGEST:])


def _read(file: Path) -> dict[str, float]:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise PlatformError(
            f"{file} cannot be read ({error.strerror}), so nobody knows who logged out: give this "
            "user the right to, or remove it"
        ) from error
    words = [line.split() for line in lines]
    return {each[1]: float(each[0]) for each in words if len(each) == 2 and each[0].isdecimal()}


def _text(ended: Mapping[str, float]) -> str:
    return "".join(f"{until:.0f} {known}\n" for known, until in ended.items())


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
