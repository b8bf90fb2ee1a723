"""A revision that says nothing any more is given up in time, and asked of nobody else."""

from __future__ import annotations

import http.client
from collections import Counter
from collections.abc import Iterator

import pytest

from serving.local.gateway import Target
from tests.serving.local.gateway_kit import (
    World,
    hang,
    running,
)


@pytest.fixture
def hasty() -> Iterator[World]:
    with running("uvloop", drain_s=0.1, timeout_s=0.2) as made:
        yield made


def test_a_silent_revision_is_504_and_nobody_else_is_asked(hasty: World) -> None:
    hasty.backend("canary", hang)
    hasty.backend("stable")
    hasty.route(Target("canary", 50), Target("stable", 50), stable="stable")
    answers = [hasty.ask() for _ in range(2)]
    assert Counter(a.status for a in answers) == {504: 1, 200: 1}
    assert "canary gave no answer: it did nothing for 0.2 s" in answers[0].error
    assert hasty.attempts() == {("canary", "504"): 1, ("stable", "200"): 1}


def test_a_revision_that_falls_silent_in_a_short_answer_is_a_504(hasty: World) -> None:
    hasty.one(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    assert hasty.ask().status == 504
    assert hasty.attempts() == {("r1", "504"): 1}


def test_a_revision_that_falls_silent_in_a_stream_is_cut_off(hasty: World) -> None:
    hasty.one(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    with pytest.raises(http.client.IncompleteRead):
        hasty.ask()
    assert hasty.attempts() == {("r1", "502"): 1}
