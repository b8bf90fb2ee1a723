"""The table through the real API: kubernetes' own client, the daemon, and predictor processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving.local import platform
from serving.local.platform import Ports
from serving.settings import Settings
from tests.serving.local.a3_rows import ROWS, Row, seen_in
from tests.serving.local.platform_kit import FAKE, Models, service, soon

pytestmark = pytest.mark.e2e

KIND = ("serving.kserve.io", "v1beta1", "ml", "inferenceservices")


@dataclass(frozen=True)
class Cluster:
    """A platform and a client that found it by its kubeconfig."""

    api: Any
    kubeconfig: Path

    def status(self, name: str) -> dict[str, Any]:
        return self.api.get_namespaced_custom_object(*KIND, name).get("status", {})

    def apply(self, name: str, predictor: dict[str, Any], *, new: bool) -> None:
        if new:
            self.api.create_namespaced_custom_object(*KIND, service(name, predictor))
        else:
            patch = {"spec": {"predictor": predictor}}
            self.api.patch_namespaced_custom_object(*KIND, name, patch)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    from kubernetes import client, config

    home = tmp_path_factory.mktemp("home")
    settings = Settings.from_env({"KANARYA_HOME": str(home), "KANARYA_NAMESPACE": "ml"})
    platform.up(settings, Ports(0, 0), predictor=FAKE)
    api = config.new_client_from_config(str(settings.kubeconfig))
    yield Cluster(client.CustomObjectsApi(api), settings.kubeconfig)
    api.close()
    platform.down(settings)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_traffic_follows_the_table_through_the_api(
    row: Row, cluster: Cluster, tmp_path: Path
) -> None:
    models, name = Models(tmp_path), "row-" + re.sub(r"\W+", "-", row.number)
    for number, (operation, expected) in enumerate(row.steps):
        predictor = models.perform(operation)
        if predictor is not None:
            cluster.apply(name, predictor, new=number == 0)
        seen = soon_equal(cluster, name, expected)
        assert seen == expected, f"step {number}: {operation}"
    cluster.api.delete_namespaced_custom_object(*KIND, name)


def soon_equal(cluster: Cluster, name: str, expected: object) -> object:
    """Return what is seen once it is as expected, or what is seen at the deadline."""
    try:
        soon(lambda: seen_in(cluster.status(name)) == expected)
    except AssertionError:
        return seen_in(cluster.status(name))
    return expected
