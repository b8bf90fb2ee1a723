"""A rollout that never ends, in a process of its own: it gives a canary half and looks on.

For `make bench-rollout`, which stops and continues the process to see what looking costs.
"""

from __future__ import annotations

import sys

from serving.isvc.client import connect
from serving.rollout.begin import run
from serving.rollout.ledger import StoredLedger
from serving.rollout.outcome import Event, Request
from serving.rollout.policy import Policy
from serving.rollout.world import World
from serving.settings import Settings

# So many requests that no step ever has them, and no verdict by chance.
POLICY = Policy(
    steps=(50, 100), min_requests=10**9, max_seconds=10**6, alpha=1e-6, max_latency_ratio=1000
)


class Nobody:
    """A registry that is told nothing: nothing here is a version of anybody's model."""

    def promoted(self, name: str, version: str, evidence: tuple[str, ...]) -> None:
        """Do nothing."""

    def rolled_back(self, name: str, version: str, reason: str) -> None:
        """Do nothing."""


def main() -> None:
    """Roll the version out that the command line names: service, version, uri."""
    service, version, uri = sys.argv[1:]
    settings = Settings.from_env()
    services = connect(settings.kubeconfig, settings.namespace)
    ledger = StoredLedger(settings.ledger, settings.namespace)
    world = World(services, Nobody(), ledger, report=_say)
    print(run(world, Request(service, version, uri, POLICY)), flush=True)


def _say(event: Event) -> None:
    print(event.kind, event.sentence, flush=True)


if __name__ == "__main__":
    main()
