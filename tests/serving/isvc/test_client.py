"""What only the HTTP client can meet: no file, no server, a server that refuses."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from serving.errors import ServiceError
from serving.isvc.client import ServiceClient, connect
from serving.isvc.refusals import Refusal, refusal_of
from serving.isvc.resource import manifest
from serving.isvc.services import Unreachable
from serving.local import kubeconfig


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_every_service_of_the_namespace_is_listed(api: ServiceClient) -> None:
    assert api.list() == ()
    for name in ("iris", "wine"):
        api.create(manifest(name, api.namespace, "file:///m", annotations={}))
    assert [view.name for view in api.list()] == ["iris", "wine"]


def test_a_server_that_is_not_there_is_told_with_its_address_and_the_remedy(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    kubeconfig.write(tmp_path / "kubeconfig", url, "default")
    client = connect(tmp_path / "kubeconfig", "default")
    with pytest.raises(Unreachable, match=rf"cannot reach .* at {url}: .* `kanarya up`"):
        client.get("iris")


def test_a_missing_kubeconfig_is_told_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"no kubeconfig at .*nowhere: .*`kanarya up`"):
        connect(tmp_path / "nowhere", "default")


@pytest.mark.parametrize("text", ["", "{", "clusters: 3", "[]"])
def test_a_damaged_kubeconfig_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "kubeconfig").write_text(text)
    with pytest.raises(ServiceError, match="cannot be used"):
        connect(tmp_path / "kubeconfig", "default")


def test_a_refusal_by_the_server_carries_its_own_words(api: ServiceClient) -> None:
    with pytest.raises(ServiceError, match=r"Bad_Name: .* refused it \(4\d\d\)"):
        api.create(manifest("Bad_Name", api.namespace, "file:///m", annotations={}))


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        (json.dumps({"reason": "Conflict", "message": "stale"}), "Conflict", "stale"),
        (b'{"reason": null, "message": null}', "", "no reason given"),
        ("<html>bad gateway</html>", "", "<html>bad gateway</html>"),
        ("[1]", "", "[1]"),
        (None, "", "no reason given"),
    ],
)
def test_any_body_makes_a_refusal(body: str | bytes | None, reason: str, message: str) -> None:
    assert refusal_of(409, body) == Refusal(409, reason, message)


def test_importing_our_modules_loads_no_kubernetes() -> None:
    code = (
        "import sys, serving.isvc.client, serving.rollout.begin; print('kubernetes' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
