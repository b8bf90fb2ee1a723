"""Bring a registered version live: the rollout does it, the registry hears how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from components import registry, tracking
from components.errors import GateError
from components.telling import note
from serving.errors import KanaryaError
from serving.isvc.client import connect
from serving.rollout.decision import decision
from serving.rollout.ledger import Ledger, LedgerError, StoredLedger
from serving.rollout.outcome import Event, Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.world import World
from serving.settings import Settings

if TYPE_CHECKING:
    from serving.isvc.modes import Mode
    from serving.isvc.services import Services


def run(name: str, version: str, policy: Mapping[str, Any], run_id: str) -> str:
    """Roll the version out and return the outcome as JSON: outcome, version, live, sentence.

    Raises:
        GateError: the registry does not say that this version passed the gate.
        KanaryaError: the version could not be brought up at all.
    """
    settings = Settings.from_env()
    tags = registry.tags(name, version)
    if tags.get("kanarya.gate") != "passed":
        raise GateError(
            f"{name}: the registry does not say that version {version} passed the gate "
            f"(kanarya.gate = {tags.get('kanarya.gate')!r}), so it is not deployed"
        )
    request = Request(name, version, tags[registry.STORE_URI], Policy.from_mapping(policy), run_id)
    ledger = StoredLedger(settings.ledger, settings.namespace)
    services = connect(settings.kubeconfig, settings.namespace)
    outcome = roll_out(services, ledger, request, settings.mode)
    _log_decision(ledger, request)
    return told(outcome)


def roll_out(
    services: Services, ledger: Ledger, request: Request, mode: Mode | None = None
) -> Outcome:
    """Run the rollout, saying each of its events as a note; `mode` is for a new service."""
    from serving.rollout.begin import run as begin

    world = World(services, registry.RegistryRecorder(), ledger, mode=mode, report=_say)
    return begin(world, request)


def _log_decision(ledger: Ledger, request: Request) -> None:
    """Put what the ledger says of this rollout on the MLflow run that the version comes from."""
    tags = registry.tags(request.name, request.version)
    try:
        chain = ledger.chain(request.name)
    except LedgerError as error:  # the rollout has ended all the same, as its outcome says
        note(str(error))
        return
    wanted = (request.run_id, request.version)
    entries = [record.entry for record in chain.records]
    ours = [each.rollout for each in entries if (each.run, each.to.version) == wanted]
    if ours and "kanarya.run_id" in tags:
        text = json.dumps(decision(chain, ours[-1], tags), indent=2)
        tracking.log_file(tags["kanarya.run_id"], text, "decision.json")


def told(outcome: Outcome) -> str:
    """Return the outcome for the pipeline's record; a rollout that failed is an error."""
    if outcome.kind == "failed":
        raise KanaryaError(outcome.reason)
    record = {
        "outcome": outcome.kind,
        "version": outcome.version,
        "live": outcome.live_version,
        "sentence": outcome.reason,
        "evidence": list(outcome.evidence),
    }
    return json.dumps(record)


def _say(event: Event) -> None:
    note(event.sentence)
