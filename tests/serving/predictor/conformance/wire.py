"""Requests as bytes on a socket and as curl sends them, and what a shape of an answer is."""

from __future__ import annotations

import http.client
import json
import re
import socket
import subprocess
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

DEADLINE_S = 30.0


class Given(NamedTuple):
    """An answer: its status, its headers by lower-case name, its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def value(self) -> Any:
        """The body parsed where it is JSON, otherwise as text."""
        kind = self.headers.get("content-type", "")
        is_json = kind.startswith(("application/json", "application/cloudevents+json"))
        return json.loads(self.body) if is_json else self.body.decode(errors="replace")


def raw(port: int, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Given:
    """Send exactly these bytes, nothing that a client would add, and read the answer."""
    sent = {"Host": "x", **headers, "Connection": "close"}
    if method == "POST":
        sent["Content-Length"] = str(len(body))
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = http.client.HTTPResponse(client)
        answer.begin()
        got = {name.lower(): value for name, value in answer.getheaders()}
        return Given(answer.status, got, answer.read())


def curl(port: int, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Given:
    """Send the body as `curl -d` does: with a form's content type where none is named."""
    marked = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    data = ["--data-binary", "@-"] if method == "POST" else []
    command = ["curl", "-sS", "-i", "--max-time", str(DEADLINE_S), *marked, *data]
    try:
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}{path}"], input=body, capture_output=True
        )
    except FileNotFoundError:
        pytest.skip("curl is missing; install it (Debian: apt-get install curl)")
    assert done.returncode == 0, done.stderr
    head, content = done.stdout.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    return Given(int(first.split()[1]), {k.lower(): v for k, v in pairs}, content)


def fits(value: Any, shape: Any) -> bool:
    """Say whether a value has a shape.

    A type takes what is of it, a pattern a text that it is found in, an object exactly its names,
    a list of one element any list of such; anything else only itself.
    """
    if isinstance(shape, type):
        return type(value) is shape
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and bool(shape.search(value))
    if isinstance(shape, dict):
        same = isinstance(value, dict) and value.keys() == shape.keys()
        return same and all(fits(value[name], each) for name, each in shape.items())
    if isinstance(shape, list) and len(shape) == 1:
        return isinstance(value, list) and all(fits(each, shape[0]) for each in value)
    return bool(value == shape)
