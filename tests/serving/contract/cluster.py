"""A cluster that the environment names: its kubeconfig, a namespace, and where the models are.

KANARYA_CLUSTER_KUBECONFIG  the kubeconfig of an account that may write InferenceServices
KANARYA_CLUSTER_NAMESPACE   where the stories make and delete services named kanarya-story-…
KANARYA_CLUSTER_MODELS      gs://… or the like with model directories 1 to 9, damaged, stuck
KANARYA_CLUSTER_MODE        knative or standard; what is not set is not played
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.errors import NotFound
from serving.isvc.client import connect
from serving.isvc.modes import Mode, mode_wished
from serving.rollout.policy import Policy
from tests.serving.contract.ground import How
from tests.serving.contract.grounds import Real
from tests.serving.rollout.fake_ledger import FakeLedger

VARIABLES = {
    key: f"KANARYA_CLUSTER_{key.upper()}" for key in ("kubeconfig", "namespace", "models", "mode")
}


@dataclass(frozen=True)
class Place:
    kubeconfig: str
    namespace: str
    models: str
    mode: str

    @classmethod
    def from_env(cls) -> Place:
        """The place that the environment names; skips, saying what is missing."""
        missing = [name for name in VARIABLES.values() if not os.environ.get(name)]
        if missing:
            pytest.skip(f"set {', '.join(missing)} as docs/how-it-works.md says")
        return cls(**{key: os.environ[name] for key, name in VARIABLES.items()})

    def uri(self, version: str, how: How) -> str:
        # There is nothing called `stuck`, so its pods wait for a model for ever.
        return f"{self.models.rstrip('/')}/{how if how in ('damaged', 'stuck') else version}"


@contextmanager
def on_cluster(mode: Mode) -> Iterator[Real]:
    """A ground with a service of its own, which is deleted at the end."""
    place = Place.from_env()
    if mode_wished(place.mode) is not mode:
        pytest.skip(f"KANARYA_CLUSTER_MODE is {place.mode}")
    services = connect(Path(place.kubeconfig), place.namespace)
    name = f"kanarya-story-{uuid.uuid4().hex[:8]}"
    policy = Policy(steps=(20, 100), max_seconds=300, ready_timeout_s=300)
    ground = Real(name, mode, services, FakeLedger(), place.uri, policy)
    ground.tells_failures = mode is Mode.KNATIVE
    try:
        yield ground
    finally:
        with suppress(NotFound):
            services.delete(name)
