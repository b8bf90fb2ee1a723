"""Secrets in the address of data: none may be written there, since an address is told everywhere.

It stands in specs, journals, MLflow, process lists and compiled runs. What an address needs is
named instead, `https://ayse:${PASSWORD}@host/rows.csv?sig=${SIGNATURE}`, and put in by the step
that opens it, from its own environment (on a cluster from a Secret).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from serving.errors import UsageError

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_WORDS = (
    "sig|signature|token|secret|password|passwd|pwd|credentials?|auth|authorization|"
    "(?:access|api|secret|account)[-_]?key(?:[-_]?id)?"
)
# A password may have slashes that nobody quoted; a port, and what follows it, is none.
_USER = re.compile(r"(?<=://)(?:[^/?#\s@:]*:(?!\d+[/?#])[^?#\s@]*|[^/?#\s]*)@")
_SECRET = re.compile(
    rf"(?<=[?&])((?:[^=&#\s]*[-_.])?\w*?(?:{_WORDS})=)([^&#\s'\"]*)", re.IGNORECASE
)
HIDDEN = "***"


def require_none(uri: str) -> str:
    """Return an address in which no secret is written out. Raises ValueError, without the secret.

    A password, or a parameter that sounds like a secret, may only name variables.
    """
    if "://" in uri and hidden(uri) != uri:
        raise ValueError(
            "a secret in an address is seen by everybody who sees the run: name a variable in its "
            "place, as ${NAME}, and set that where the run is started (on a cluster in the Secret "
            "of the steps); S3 takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY by itself"
        )
    return uri


def hidden(text: str) -> str:
    """Return a text with the secrets of the addresses in it put out of sight."""
    unnamed = _USER.sub(lambda at: at[0] if _is_named(at[0][:-1]) else f"{HIDDEN}@", text)
    return _SECRET.sub(lambda at: at[0] if _only_names(at[2]) else at[1] + HIDDEN, unnamed)


def filled(uri: str, env: Mapping[str, str]) -> str:
    """Return an address with its variables' values in their places, quoted. Raises UsageError."""
    missing = [name for name in REFERENCE.findall(uri) if not env.get(name)]
    if missing and "://" in uri:
        raise UsageError(f"{uri} names {' and '.join(missing)}, which the step has not: set it")
    return REFERENCE.sub(lambda at: quote(env[at[1]], safe=""), uri) if "://" in uri else uri


def masked(text: str, uri: str, env: Mapping[str, str]) -> str:
    """Return what a library said of a filled address, with the names back in their places."""
    for name in REFERENCE.findall(uri):
        for value in (env.get(name, ""), quote(env.get(name, ""), safe="")):
            text = text.replace(value, f"${{{name}}}") if value else text
    return text


def _is_named(login: str) -> bool:
    """Say whether a login names its secret: the password, or all of it where there is none."""
    return _only_names(login.partition(":")[2] or login)


def _only_names(part: str) -> bool:
    return not REFERENCE.sub("", part)
