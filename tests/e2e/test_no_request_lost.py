"""Ten thousand requests through the gateway while the split changes twenty times: all answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from scripts.bench.load import Client, Side
from scripts.bench.split_changes import Change, knative_changes, lost, standard_changes
from scripts.bench.split_objects import Objects
from serving.local import platform
from serving.local.platform import Platform, Ports
from serving.settings import Settings
from tests.serving.local.platform_kit import FAKE, Models

pytestmark = pytest.mark.e2e

REQUESTS, CHANGES = 10_000, 20
STANDARD = {"serving.kserve.io/deploymentMode": "Standard"}


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Platform]:
    home = {"KANARYA_HOME": str(tmp_path / "home"), "KANARYA_NAMESPACE": "ml"}
    settings = Settings.from_env(home)
    yield platform.up(settings, Ports(0, 0), predictor=FAKE)
    platform.down(settings)


@pytest.mark.parametrize("mode", ["Knative", "Standard"])
def test_no_request_is_lost_to_a_change_of_the_split(
    mode: str, on: Platform, tmp_path: Path
) -> None:
    first, *others = (Models(tmp_path).make(f"m{number}") for number in range(8))
    objects = Objects(on.api_url, "ml", "iris")
    objects.create(first, STANDARD if mode == "Standard" else {})
    changes: list[Change] = list(
        standard_changes("iris", others) if mode == "Standard" else knative_changes(others)
    )
    client = Client(Side.of(f"{on.gateway_url}/serving/ml/iris/v1/models/iris:predict", b"{}"))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loss = runner.run(lost(mode, objects, changes, client, REQUESTS))
    assert not loss.failed, loss.sentence()
    assert (loss.changes, loss.requests >= REQUESTS) == (CHANGES, True)
