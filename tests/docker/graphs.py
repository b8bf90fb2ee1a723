"""A pipeline that kfp.local runs in the images: where it stands, what it gets and answers."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.settings import Settings
from tests.docker import endings
from tests.docker.engine import (
    ROOT,
    docker,
    given,
    image,
    inspected,
    running,
    user,
)

BEFORE_THE_GATE = ["ingest", "validate", "split", "train", "evaluate", "package", "servability"]


@dataclass(frozen=True)
class Place:
    """A platform on this host, MLflow in a container, and folders that the steps may write."""

    settings: Settings
    tracking: str
    folder: Path

    def environment(self) -> dict[str, str]:
        """What a pod gets from its ConfigMap."""
        return {
            "MLFLOW_TRACKING_URI": self.tracking,
            "KANARYA_MODEL_STORE": self.settings.model_store,
            "KANARYA_LEDGER": self.settings.ledger,
            "KUBECONFIG": "/kubeconfig",
            "KANARYA_NAMESPACE": self.settings.namespace,
        }


def called(name: str) -> str:
    """Build an image and name it by what it holds, which is as good as a commit here."""
    built = image(name)
    pinned = f"kanarya/{name}:{inspected(built)['Id'].removeprefix('sha256:')[:40]}"
    docker("tag", built, pinned)
    return pinned


def graph(name: str, folder: Path) -> Path:
    """Compile a pipeline as people do for a cluster: with the images that its steps run in."""
    words = [sys.executable, "-m", "scripts", "compile", "--out", str(folder)]
    words += ["--image", called("components-python")]
    if name == "image":
        words += ["--images-image", called("images-python")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / f"{name}.yaml"


@dataclass(frozen=True)
class Ran:
    """What is left of a run: each step's outputs, and how its containers ended."""

    outputs: Mapping[str, Any]
    containers: Counter[tuple[str, str]]


def run(place: Place, pipeline: Path, arguments: dict[str, Any]) -> Ran:
    """Run a compiled pipeline with kfp.local's DockerRunner."""
    from docker.types import Mount
    from kfp import components, local

    label = f"kanarya.test={uuid.uuid4()}"
    root = given(place.folder / "runs" / pipeline.stem)
    shutil.copy(place.settings.kubeconfig, place.folder / "kubeconfig-for-steps")
    (place.folder / "kubeconfig-for-steps").chmod(0o644)
    ours = (place.settings.model_store, place.settings.ledger)
    mounts = [
        Mount("/kubeconfig", str(place.folder / "kubeconfig-for-steps"), "bind", read_only=True),
        Mount(str(place.folder / "data"), str(place.folder / "data"), "bind", read_only=True),
        *(Mount(folder, folder, "bind") for folder in ours),
    ]
    runner = local.DockerRunner(
        user=user(),
        environment=place.environment(),
        mounts=mounts,
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": "size=512m"},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
        labels=dict([label.split("=")]),
    )
    local.init(runner=runner, pipeline_root=str(root))
    # kfp.local says SUCCESS of a container that is gone before it asks how it ended.
    with endings.watched(label, place.folder) as ended, contextlib.chdir(place.folder):
        components.load_component_from_file(str(pipeline))(**arguments)
        return Ran(outputs_of(root), ended())


def outputs_of(root: Path) -> dict[str, Any]:
    found = sorted(root.glob("*/*/executor_output.json"))
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def ask(place: Place, name: str, version: str, instances: list[Any]) -> Any:
    """Serve a published version with the predictor's image, and ask it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    directory = Path(place.settings.model_store) / name / version
    flags = ("--network", "host", "--volume", f"{directory}:/mnt/models:ro")
    words = (f"--http_port={port}", "--model_dir=/mnt/models", f"--model_name={name}")
    with running(image("predictor-python"), *words, flags=flags):
        url = f"http://127.0.0.1:{port}/v1/models/{name}:predict"
        body = json.dumps({"instances": instances}).encode()
        return json.loads(posted(url, body))["predictions"]


def posted(url: str, body: bytes) -> bytes:
    end = time.monotonic() + 60
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())
        except (ConnectionError, urllib.error.URLError):
            assert time.monotonic() < end, "the predictor's container does not answer"
            time.sleep(0.1)
