"""`one_rollout.py HOME VERSION URI`: one rollout of iris in a process that can be killed.

A file `approve` in the model directory makes it ask a person for 50 %. Exit code 0: promoted.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from serving.isvc.client import connect
from serving.rollout.begin import run
from serving.rollout.ledger import StoredLedger
from serving.rollout.outcome import Request
from serving.rollout.policy import Policy
from serving.rollout.world import World
from serving.storage import local_path
from tests.serving.rollout.fake_cluster import FakeRecorder

home, version, uri = sys.argv[1:]
directory = local_path(uri)
assert directory is not None
asks = (directory / "approve").exists()
policy = Policy(
    steps=(20, 50, 100),
    min_requests=20,
    max_seconds=30,
    max_error_increase=0.1,
    max_latency_ratio=50,
    shadow_requests=100,
    approve=(50,) if asks else (),
)
services = connect(Path(home) / "kubeconfig", "default")
world = World(services, FakeRecorder(), StoredLedger(str(Path(home) / "ledger")))
sys.exit(run(world, Request("iris", version, uri, policy)).kind != "promoted")
