"""Which grounds the stories are played on: the models of both modes in memory."""

from __future__ import annotations

import pytest

from serving.isvc.modes import Mode
from tests.serving.contract.ground import Ground, Play
from tests.serving.contract.grounds import InMemory

GROUNDS = [
    pytest.param(("memory", Mode.KNATIVE), id="Knative in memory"),
    pytest.param(("memory", Mode.STANDARD), id="Standard in memory"),
]


@pytest.fixture(params=GROUNDS)
def ground(request: pytest.FixtureRequest) -> Ground:
    kind, mode = request.param
    return InMemory(mode)


@pytest.fixture
def play(ground: Ground) -> Play:
    return Play(ground)


@pytest.fixture
def with_live(play: Play) -> Play:
    """A play in which version 1 has all of the traffic."""
    assert play.run("1").kind == "promoted"
    play.heard.clear()
    return play
