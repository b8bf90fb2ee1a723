"""What the platform takes of the machine, as Prometheus reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.local import machine
from serving.local.gateway_metrics import page
from serving.local.launching import REVISION
from tests.serving.local.gateway_kit import running

LARGE = "x = bytearray(50_000_000); print('up', flush=True); input()"


@pytest.fixture
def predictor() -> Iterator[None]:
    """A process that was started for a revision, as predictors are."""
    env = {**os.environ, REVISION: "iris-predictor-00001"}
    command = [sys.executable, "-S", "-c", LARGE]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe) as process:
        assert process.stdout
        process.stdout.readline()
        yield


def samples(text: str) -> dict[str, float]:
    found = text_string_to_metric_families(text)
    return {each.name: each.value for family in found for each in family.samples}


def test_memory_time_and_disk_are_told_of_the_platform_and_of_each_revision(
    predictor: None, tmp_path: Path
) -> None:
    text = page(machine.lines(tmp_path)).decode()
    found = samples(text)
    assert found["process_resident_memory_bytes"] > 10e6
    assert found["process_cpu_seconds_total"] > 0
    assert found["kanarya_revision_memory_bytes"] > 50e6
    assert 'kanarya_revision_cpu_seconds_total{revision="iris-predictor-00001"}' in text
    assert 0 < found["kanarya_disk_free_bytes"] < found["kanarya_disk_size_bytes"]


def test_the_gateway_shows_it_but_not_to_a_rollout_that_asks_for_one_service() -> None:
    with running("asyncio", beside=lambda: ["kanarya_disk_free_bytes 7.0"]) as world:
        whole, one = (
            world.ask_at("GET", f"/metrics{query}").body.decode()
            for query in ("", "?namespace=ml&service=iris")
        )
    assert samples(whole)["kanarya_disk_free_bytes"] == 7.0
    assert "kanarya_disk_free_bytes" not in one
    assert whole.startswith(one), "and what is counted is told to both"
