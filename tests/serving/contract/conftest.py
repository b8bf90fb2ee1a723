"""Which grounds the stories are played on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from serving.isvc.modes import Mode
from tests.serving.contract.cluster import on_cluster
from tests.serving.contract.ground import Ground, Play
from tests.serving.contract.grounds import InMemory
from tests.serving.contract.plane import Plane, plane

# kind -> the marker of its tests; what is in memory has none
KINDS = {"memory": [], "plane": [pytest.mark.e2e], "cluster": [pytest.mark.cluster]}
GROUNDS = [
    pytest.param((kind, mode), marks=marks, id=f"{mode} {kind}")
    for kind, marks in KINDS.items()
    for mode in (Mode.KNATIVE, Mode.STANDARD)
]


@pytest.fixture(scope="session")
def local_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with plane(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(params=GROUNDS)
def ground(request: pytest.FixtureRequest) -> Iterator[Ground]:
    kind, mode = request.param
    if kind == "memory":
        yield InMemory(mode)
    elif kind == "plane":
        if mode is Mode.STANDARD and find_spec("serving.local.standard_reconciler") is None:
            pytest.skip("the local control plane has no Standard mode yet")
        local: Plane = request.getfixturevalue("local_plane")
        yield local.ground(mode)
    else:
        with on_cluster(mode) as found:
            yield found


@pytest.fixture
def play(ground: Ground) -> Play:
    return Play(ground)


@pytest.fixture
def with_live(play: Play) -> Play:
    """A play in which version 1 has all of the traffic."""
    assert play.run("1").kind == "promoted"
    play.heard.clear()
    return play
