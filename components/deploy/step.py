"""Bring a registered version live: the rollout does it, the registry hears how it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from components import decisions, registry
from components.deploy import rules
from components.deploy.deadline import OutOfTime, within
from components.errors import GateError
from components.outcome import tell
from components.telling import note
from serving.errors import KanaryaError
from serving.isvc.client import connect
from serving.pages.content import Page
from serving.pages.page import html
from serving.rollout.card import ending
from serving.rollout.card.build import card
from serving.rollout.ledger import Ledger, StoredLedger
from serving.rollout.outcome import Event, Outcome, Request
from serving.rollout.policy import Policy
from serving.rollout.world import World
from serving.settings import Settings
from serving.storage import partial

if TYPE_CHECKING:
    from serving.isvc.services import Services


class Metrics(Protocol):
    """KFP's artifact of single numbers."""

    path: str

    def log_metric(self, metric: str, value: float) -> None:
        """Add a number."""


@dataclass(frozen=True)
class Outputs:
    """Where the pipeline's UI finds the decision card and the numbers of the rollout."""

    card: Path
    metrics: Metrics


def run(name: str, version: str, policy: Mapping[str, Any], run_id: str, outputs: Outputs) -> str:
    """Roll the version out and return the outcome as JSON: outcome, version, live, sentence.

    The card and the numbers are written however it ends.

    Raises:
        GateError: the registry does not say that this version passed the gate.
        KanaryaError: the version could not be brought up, or not within the time of its policy.
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

    def attempt() -> Outcome:
        services = connect(settings.kubeconfig, settings.namespace)
        return roll_out(services, ledger, request, settings)

    outcome = ended(attempt, request, rules.limit_s(request.policy))
    show(outcome, _kept(ledger, request), outputs)
    return told(outcome)


def ended(attempt: Callable[[], Outcome], request: Request, limit: float) -> Outcome:
    """Return how the rollout ended, after `limit` seconds at the latest; an error is an end too."""
    try:
        with within(limit):
            return attempt()
    except OutOfTime:
        reason = rules.overdue(request.name, limit)
    except KanaryaError as error:
        reason = str(error)
    return Outcome("failed", request.version, None, reason)


def roll_out(services: Services, ledger: Ledger, request: Request, settings: Settings) -> Outcome:
    """Run the rollout, saying each of its events as a note; the settings are for a new service."""
    from serving.rollout.begin import run as begin

    world = World(
        services,
        registry.RegistryRecorder(),
        ledger,
        mode=settings.mode,
        account=settings.predictor_account,
        report=_say,
    )
    return begin(world, request)


def show(outcome: Outcome, decision: Mapping[str, Any] | None, outputs: Outputs) -> None:
    """Write the card, and the numbers; without a decision the card has the outcome alone."""
    page = card(decision) if decision else bare(outcome)
    with partial(outputs.card) as unfinished:
        unfinished.write_text(html(page), encoding="utf-8")
    for name, value in rules.figures(decision).items() if decision else ():
        outputs.metrics.log_metric(name, value)
    Path(outputs.metrics.path).touch()  # without a file of its own the artifact is no artifact


def bare(outcome: Outcome) -> Page:
    """Return the card of a rollout that left nothing in the ledger."""
    level = ending.LEVELS.get(outcome.kind, "bad")
    word = outcome.kind.replace("_", " ").capitalize()
    return Page(f"version {outcome.version}", word, level, outcome.reason)


def _kept(ledger: Ledger, request: Request) -> dict[str, Any] | None:
    """Return what was decided, kept on the version's run; None where the ledger has nothing.

    The rollout has ended all the same, as its outcome says, so what goes wrong is a note.
    """
    try:
        with within(rules.KEEPING_S):
            found = _decided(ledger, request)
            if found:
                decisions.keep(found)
            return found
    except OutOfTime:
        note(f"the ledger or MLflow was silent for {rules.KEEPING_S:g} s, so the card is not kept")
    except KanaryaError as error:
        note(str(error))
    return None


def _decided(ledger: Ledger, request: Request) -> dict[str, Any] | None:
    chain = ledger.chain(request.name)
    entries = [record.entry for record in chain.records]
    wanted = (request.run_id, request.version)
    ours = [each.rollout for each in entries if (each.run, each.to.version) == wanted]
    return decisions.decided(chain, ours[-1]) if ours else None


def told(outcome: Outcome) -> str:
    """Return the outcome for the pipeline's record; a rollout that failed is an error."""
    if outcome.kind == "failed":
        raise KanaryaError(outcome.reason)
    tell(outcome.kind, outcome.reason, outcome.version)
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
