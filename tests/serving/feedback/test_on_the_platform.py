"""Labels on the real platform: gateway, two versions, a collector; and everything killed."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from scripts.bench.split_objects import Objects
from serving.feedback.performance import LivePerformance
from serving.feedback.read import read
from serving.local import platform
from serving.local.platform import Platform, Ports
from serving.publishing import publish
from serving.settings import Settings
from tests.serving.local.platform_kit import soon

pytestmark = pytest.mark.e2e

SETOSA = {"sepal_length": 5.0, "sepal_width": 3.4, "petal_length": 1.5, "petal_width": 0.2}
REQUESTS = 20


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home"), "KANARYA_NAMESPACE": "ml"})
    yield made
    platform.down(made)


class Client:
    """Asks the service through the gateway."""

    def __init__(self, on: Platform) -> None:
        self._url = f"{on.gateway_url}/serving/ml/iris"

    def predict(self, mark: str) -> str:
        """Return the version that answered."""
        body = {"instances": [SETOSA]}
        return str(self._ask("/v1/models/iris:predict", body, mark)["model_version"])

    def label(self, **body: Any) -> Any:
        return self._ask("/v1/models/iris:feedback", body)

    def performance(self) -> LivePerformance:
        return LivePerformance.from_json(self._ask("/v2/models/iris/feedback"), "the service")

    def _ask(self, path: str, body: Any = None, mark: str = "") -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **({"X-Request-Id": mark} if mark else {})}
        asked = urllib.request.Request(self._url + path, data, headers)
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return json.load(answer)


def persistently(act: Callable[[], Any]) -> Any:
    """Return what a client gets that tries again while a process is away."""

    def tried() -> Any:
        try:
            return act()
        except urllib.error.URLError:
            return None

    return soon(tried)


def labelled(found: LivePerformance) -> dict[str, int]:
    return {version: each.labels for version, each in found.versions.items()}


def test_labels_reach_the_version_that_answered_and_outlive_every_process(
    settings: Settings, iris_model_dir: Path, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        publish(iris_model_dir, tmp_path / version, version)
    on = platform.up(settings, Ports(0, 0))
    services = Objects(on.api_url, "ml", "iris")
    services.create((tmp_path / "1").as_uri(), {})
    client = Client(on)
    soon(lambda: persistently(lambda: client.predict("early")) == "1")
    services.patch(
        {
            "predictor": {
                "model": {"storageUri": (tmp_path / "2").as_uri()},
                "canaryTrafficPercent": 50,
            }
        }
    )
    soon(lambda: client.predict("") == "2")

    answered = {f"a{number}": client.predict(f"a{number}") for number in range(REQUESTS)}
    by_version = {v: list(answered.values()).count(v) for v in ("1", "2")}
    assert by_version == {"1": REQUESTS // 2, "2": REQUESTS // 2}
    said = client.label(feedback=[{"id": mark, "label": "setosa"} for mark in answered])
    assert said["kept"] == REQUESTS
    soon(lambda: labelled(client.performance()) == by_version)
    assert client.label(id="a0", label="setoza")["unknown_labels"] == ["setoza"]
    wrong = client.performance().versions[answered["a0"]].metrics["accuracy"]
    assert (wrong.value, wrong.low < wrong.value < wrong.high) == (0.9, True)
    assert read(settings, "iris").versions == client.performance().versions

    late = {f"b{number}": client.predict(f"b{number}") for number in range(2)}
    soon(lambda: client.performance().versions["1"].predictions == REQUESTS // 2 + 2)
    for child in psutil.Process(on.pid).children():
        child.kill()
    for mark in late:
        assert persistently(lambda mark=mark: client.label(id=mark, label="setosa"))["kept"] == 1
    before = client.performance()
    assert sum(labelled(before).values()) == REQUESTS + 2
    platform.down(settings)
    assert read(settings, "iris").versions == before.versions
