"""A real API server on a free port, in a thread of its own, so that blocking clients can ask it."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving.local import kubeconfig
from serving.local.resources import NAMESPACES
from serving.local.store import Store
from tests.serving.local.answering import answering


@dataclass(frozen=True)
class Server:
    url: str
    store: Store
    kubeconfig: Path
    stop: Callable[[], None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    store = Store(tmp_path / "platform.db")
    store.create(NAMESPACES, {"metadata": {"name": "ml"}, "status": {"phase": "Active"}})
    with answering(store, "http://127.0.0.1:1/serving") as (url, stop):
        kubeconfig.write(tmp_path / "kubeconfig", url, "ml")
        yield Server(url, store, tmp_path / "kubeconfig", stop)


@pytest.fixture
def isvc() -> Callable[..., dict[str, Any]]:
    """An InferenceService as a user writes it."""

    def build(
        name: str = "iris", uri: str = "file:///models/1", **predictor: Any
    ) -> dict[str, Any]:
        model = {"modelFormat": {"name": "onnx"}, "storageUri": uri}
        return {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": {"name": name, "namespace": "ml"},
            "spec": {"predictor": {"model": model, **predictor}},
        }

    return build


class Answer(dict[str, Any]):
    code: int
    warning: str | None


@pytest.fixture
def ask(server: Server) -> Callable[..., Answer]:
    """One request; whatever is refused has to be refused with a Status."""

    def send(
        method: str, path: str, body: Any = None, kind: str = "application/json", **headers: str
    ) -> Answer:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Content-Type": kind, **headers}
        request = urllib.request.Request(server.url + path, data, head, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = Answer(json.loads(response.read()))
                answer.code, answer.warning = response.status, response.headers["Warning"]
        except urllib.error.HTTPError as error:
            answer = Answer(json.loads(error.read()))
            answer.code, answer.warning = error.code, None
            told = (answer["kind"], answer["status"], answer["code"])
            assert told == ("Status", "Failure", error.code)
        return answer

    return send
