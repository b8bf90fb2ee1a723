"""A port that cannot be taken: why, and what to do about it."""

from __future__ import annotations

import errno
import os

import pytest

from serving.local.ports import complaint

SAID = {
    errno.EADDRNOTAVAIL: "this machine has no address 127.0.0.1, where the platform listens: give "
    "it one with `ip address add 127.0.0.1/8 dev lo` and `ip link set lo up`.",
    errno.EACCES: "port 80 on 127.0.0.1 cannot be used (Permission denied): choose another port: "
    "--api-port N or KANARYA_API_PORT=N.",
    errno.EADDRINUSE: "port 80 is taken: stop it, or choose another port: --api-port N or "
    "KANARYA_API_PORT=N.",
}


@pytest.mark.parametrize("number", SAID)
def test_the_remedy_is_one_for_what_is_wrong(number: int) -> None:
    assert complaint("api", 80, OSError(number, os.strerror(number))) == SAID[number]
