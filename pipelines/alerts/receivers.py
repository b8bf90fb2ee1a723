"""Who is told: addresses, which are secrets, and the names that stand for them everywhere else.

One address a line, in the file that `KANARYA_ALERTS_FILE` names or in `KANARYA_ALERTS_TO`:

    https://host/path                       a webhook: the alert as JSON, with an Idempotency-Key
    slack+https://hooks.slack.com/services/…  Slack, or what understands its messages
    smtps://user:password@host/to@example.com?from=kanarya@example.com   e-mail, also smtp://

They are read again for every delivery, so that a secret may be changed while everything runs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from serving import storage
from serving.errors import UsageError

ADDRESSES, FILE = "KANARYA_ALERTS_TO", "KANARYA_ALERTS_FILE"
WEBHOOK, SLACK, EMAIL = "webhook", "slack", "email"
KINDS = {
    "http": WEBHOOK,
    "https": WEBHOOK,
    "slack+http": SLACK,
    "slack+https": SLACK,
    "smtp": EMAIL,
    "smtps": EMAIL,
}
LOCAL = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Receiver:
    """Somebody who is told; `name` is said and stored, `url` never is.

    `url`: where to, without user and password; of e-mail the server, for the people in `to`.
    """

    name: str
    kind: str
    url: str = field(repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    to: tuple[str, ...] = ()
    sender: str = ""

    @property
    def parts(self) -> SplitResult:
        """The address in its parts."""
        return urlsplit(self.url)


def configured(env: Mapping[str, str] | None = None) -> tuple[Receiver, ...]:
    """Return who is to be told; () where nobody is. Raises UsageError, which shows no address."""
    env = os.environ if env is None else env
    return tuple({each.name: each for each in _all(env)}.values())


def receiver(url: str, where: str) -> Receiver:
    """Return who an address stands for; `where` it is written says the error."""
    try:
        parts = urlsplit(url)
        kind, host = KINDS.get(parts.scheme, ""), parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        kind = host = port = ""
    if not kind or not host or not _is_plain(url):
        raise UsageError(
            f"{where} is no address that alerts can go to: give https://…, slack+https://… or "
            "smtps://user:password@host/to@example.com."
        )
    named = f"{kind}:{host}{port}"
    return _mail(parts, where) if kind == EMAIL else _hook(parts, kind, named)


def _all(env: Mapping[str, str]) -> Iterator[Receiver]:
    for number, line in enumerate((env.get(ADDRESSES) or "").split(), start=1):
        yield receiver(line, f"{ADDRESSES}, address {number},")
    if env.get(FILE):
        yield from _written(storage.absolute(env[FILE]))


def _written(path: Path) -> Iterator[Receiver]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"{FILE}: {path} cannot be read ({why}).") from error
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield receiver(line.strip(), f"{path}, line {number},")


def _hook(parts: SplitResult, kind: str, named: str) -> Receiver:
    """Return a webhook. The path may be the secret: its digest tells two of one host apart."""
    bare = _without_login(parts)
    url = bare._replace(scheme=parts.scheme.removeprefix("slack+")).geturl()
    name = f"{named}#{hashlib.sha256(url.encode()).hexdigest()[:6]}"
    return Receiver(name, kind, url, *_login(parts))


def _mail(parts: SplitResult, where: str) -> Receiver:
    to = tuple(each for each in unquote(parts.path).strip("/").split(",") if each)
    user, password = _login(parts)
    asked = parse_qs(parts.query).get("from", [""])[0]
    sender = asked or (user if "@" in user else f"kanarya@{''.join(to[:1]).rpartition('@')[2]}")
    if not to or not all("@" in each and _is_plain(each) for each in (*to, sender)):
        raise UsageError(
            f"{where} names nobody: give smtps://host/to@example.com?from=kanarya@example.com."
        )
    server = _without_login(parts)._replace(path="", query="").geturl()
    return Receiver(f"{EMAIL}:{','.join(to)}", EMAIL, server, user, password, to, sender)


def _is_plain(text: str) -> bool:
    """Say whether a text can stand in a request or a letter: what cannot would be in an error."""
    return text.isascii() and text.isprintable() and " " not in text


def _login(parts: SplitResult) -> tuple[str, str]:
    return unquote(parts.username or ""), unquote(parts.password or "")


def _without_login(parts: SplitResult) -> SplitResult:
    return parts._replace(netloc=parts.netloc.rpartition("@")[2])
