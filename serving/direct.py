"""Asking what belongs to the installation, on this machine or in its cluster: without a proxy.

The proxy of the environment is for what lies outside; it would be asked for 127.0.0.1 as well.
"""

from __future__ import annotations

from functools import cache
from http.client import HTTPException
from ssl import SSLContext
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener

FAULTS = (OSError, HTTPException, ValueError)
"""What asking raises where nobody answers, where the answer breaks off, and where it is no JSON."""


@cache
def opener() -> OpenerDirector:
    """Return what asks; an answer of 400 and above is raised, as `urllib.error.HTTPError`."""
    return build_opener(ProxyHandler({}))


def trusting(context: SSLContext) -> OpenerDirector:
    """Return what asks likewise, by https of whoever such a context trusts."""
    return build_opener(ProxyHandler({}), HTTPSHandler(context=context))
