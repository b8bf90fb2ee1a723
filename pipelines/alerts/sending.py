"""Sending one alert: to a webhook, to Slack, as e-mail. What fails is said without the address."""

from __future__ import annotations

import smtplib
import ssl
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from typing import Any

from pipelines.alerts import messages
from pipelines.alerts.alert import Alert
from pipelines.alerts.receivers import EMAIL, LOCAL, Receiver
from pipelines.errors import AlertError

PATIENCE_S = 10.0
SHOWN = 120
_PORTS = {"smtp": 25, "smtps": 465}
SUBMISSION = 587
Send = Callable[[Alert], str]
"""Hands an alert over; returns who did not get it and why, "" where all did."""


class NotTaken(AlertError):
    """A receiver did not take an alert; `wait_s`: it asks to be left alone for so long."""

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@contextmanager
def to(receiver: Receiver) -> Iterator[Send]:
    """Lend what sends to a receiver; it raises NotTaken. A mail server is logged in to once."""
    if receiver.kind != EMAIL:
        opener = _opener(receiver)
        yield lambda alert: _posted(opener, receiver, alert)
        return
    with closing(_Post(receiver)) as post:
        yield post.send


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a POST would become a GET, and be lost with an answer of 200."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _posted(opener: urllib.request.OpenerDirector, receiver: Receiver, alert: Alert) -> str:
    headers = {"Content-Type": "application/json", messages.KEY: messages.key(alert)}
    if receiver.user or receiver.password:
        login = b64encode(f"{receiver.user}:{receiver.password}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    data = messages.body(alert, receiver.kind)
    asked = urllib.request.Request(receiver.url, data, headers, method="POST")
    try:
        with opener.open(asked, timeout=PATIENCE_S):
            return ""
    except urllib.error.HTTPError as error:
        with closing(error):
            wait = error.headers.get("Retry-After") or ""
        raise NotTaken(_refusal(error.code), float(wait) if wait.isdecimal() else 0.0) from None
    except (OSError, HTTPException, ValueError) as error:
        raise NotTaken(f"it cannot be reached ({_why(error)})") from None


def _opener(receiver: Receiver) -> urllib.request.OpenerDirector:
    direct = [urllib.request.ProxyHandler({})] if receiver.parts.hostname in LOCAL else []
    return urllib.request.build_opener(_Staying, *direct)


def _refusal(code: int) -> str:
    if 300 <= code < 400:
        return f"it answers {code} and wants another address; give that one"
    return f"it answers {code}"


class _Post:
    """A mail server, connected to at the first letter."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._server: smtplib.SMTP | None = None

    def send(self, alert: Alert) -> str:
        """Hand a letter over; return whom the server refused beside others. Raises NotTaken."""
        try:
            if self._server is None:
                self._server = _connected(self._receiver)
            letter = messages.mail(alert, self._receiver)
            to = list(self._receiver.to)
            refused = self._server.send_message(letter, self._receiver.sender, to)
        except smtplib.SMTPResponseException as error:
            raise NotTaken(f"the mail server answers {error.smtp_code}") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({str(code) for code, _ in error.recipients.values()})
            raise NotTaken(f"the mail server refuses who gets it ({', '.join(codes)})") from None
        except (OSError, ValueError) as error:
            raise NotTaken(f"the mail server cannot be used ({_why(error)})") from None
        return _left_out({name: code for name, (code, _) in refused.items()})

    def close(self) -> None:
        """Say good-bye where somebody is still there."""
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.quit()


def _left_out(refused: Mapping[str, int]) -> str:
    """Return what is said of a letter that some got: to send it again would tell them twice."""
    if not refused:
        return ""
    codes = ", ".join(sorted({str(code) for code in refused.values()}))
    return f"the mail server refuses {', '.join(sorted(refused))} ({codes}); the others have it"


def _connected(receiver: Receiver) -> smtplib.SMTP:
    """Return a server that letters can be handed to; a password is never said in the clear."""
    parts, host = receiver.parts, receiver.parts.hostname or ""
    port = parts.port or (SUBMISSION if receiver.user else _PORTS[parts.scheme])
    if parts.scheme == "smtps":
        port = parts.port or _PORTS["smtps"]
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=PATIENCE_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=PATIENCE_S)
    try:
        _entered(server, receiver)
    except BaseException:
        server.close()
        raise
    return server


def _entered(server: smtplib.SMTP, receiver: Receiver) -> None:
    server.ehlo_or_helo_if_needed()
    is_local = receiver.parts.hostname in LOCAL
    if receiver.parts.scheme == "smtp" and server.has_extn("starttls") and not is_local:
        server.starttls(context=ssl.create_default_context())
    elif receiver.parts.scheme == "smtp" and receiver.user and not is_local:
        raise ValueError("it offers no STARTTLS, and a password is not said in the clear")
    if receiver.user:
        server.login(receiver.user, receiver.password)


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeError):  # which shows of a password what it could not write
        return "user and password must be ASCII"
    reason = getattr(error, "reason", error)
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(said).split())[:SHOWN]
