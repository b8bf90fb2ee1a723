"""The runtimes of manifests/, as `kubectl apply -k` would send them."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RUNTIME = ROOT / "manifests" / "runtime"
VARIANTS = ("base", "namespaced", "grpc")


def read(path: str) -> Any:
    """Return the one object of a file below manifests/runtime."""
    return yaml.safe_load((RUNTIME / path).read_text(encoding="utf-8"))


@cache
def rendered(variant: str) -> Any:
    """Return what kustomize makes of a variant; skip where kubectl has none that can."""
    try:
        done = subprocess.run(
            ["kubectl", "kustomize", str(RUNTIME / variant)], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("kubectl is missing; install it (Debian: apt-get install kubernetes-client)")
    if "unknown field" in done.stderr:
        pytest.skip(f"this kubectl is too old for `patches`; install 1.21 or newer: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


def container(runtime: Any) -> Any:
    """Return the one container of a runtime."""
    (only,) = runtime["spec"]["containers"]
    return only


def filled(value: Any, name: str) -> Any:
    """Return the value as KServe's controller fills it in for an InferenceService of this name."""
    text = yaml.safe_dump(value).replace("{{.Name}}", name)
    assert not re.search(r"\{\{", text), "a placeholder that nobody fills"
    return yaml.safe_load(text)
