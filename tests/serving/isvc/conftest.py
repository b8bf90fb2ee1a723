"""The local control plane's API in a thread: what `kubernetes` clients see, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.isvc.client import ServiceClient, connect
from serving.local import kubeconfig
from serving.local.store import Store
from tests.serving.local.answering import answering

NAMESPACE = "default"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ServiceClient]:
    """A client of a fresh API server; nothing stands behind it, so a status never changes."""
    with answering(Store(tmp_path / "platform.db"), "http://127.0.0.1:1") as (url, _):
        kubeconfig.write(tmp_path / "kubeconfig", url, NAMESPACE)
        yield connect(tmp_path / "kubeconfig", NAMESPACE)
