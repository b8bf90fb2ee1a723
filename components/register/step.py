"""Publish the model directory, then make it a version: paths in, a version number out."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from components import decision, recorded, registry, tracking
from components.errors import GateError
from components.register import rules
from serving import artifact, storage
from serving.errors import KanaryaError
from serving.rollout.ledger import StoredLedger
from serving.settings import Settings


@dataclass(frozen=True)
class Candidate:
    """The files of a candidate: model directory, evaluation, decision, report, data's findings."""

    packaged: Path
    evaluation: Path
    decision: Path
    report: Path
    findings: Path


@dataclass(frozen=True)
class Store:
    """Where a model's versions are published, by which run, and the key that signs them, if any.

    `last`: the greatest number of a version that was rolled out.
    """

    uri: str
    run_id: str
    signing_key: Path | None = None
    last: int = 0

    def place(self, version: str) -> str:
        """Return where a version is published.

        In a bucket it is a place of the run's own: nothing keeps a registration on another machine
        from the same number until MLflow gives it to one of them, and neither may lose its bytes.
        """
        if storage.local_path(self.uri) is not None:
            return storage.join(self.uri, version)
        return storage.join(self.uri, f"{version}-{self.run_id[:8]}")


def run(candidate: Candidate, name: str, run_id: str, settings: Settings | None = None) -> str:
    """Register the candidate and return its version number.

    Raises:
        GateError: the recorded decision is not a yes; the condition alone is not believed.
    """
    settings = settings or Settings.from_env()
    verdict = decision.read(candidate.decision)
    if not verdict.promote:
        raise GateError(f"{name}: the gate rejected this candidate, so it is not registered")
    _describe_run(candidate, run_id, verdict)
    place, last = storage.join(settings.model_store, name), _last_served(settings, name)
    store = Store(place, run_id, settings.signing_key, last)
    with registry.lock(storage.local_path(store.uri) or settings.home / "locks" / name):
        version = _commit(candidate, name, run_id, (store, verdict))
    registry.stage(name, version)
    tracking.end_run(run_id)
    return version


def _last_served(settings: Settings, name: str) -> int:
    """Return the greatest number that a version had which was rolled out, 0 where none was.

    Where the ledger is damaged it may be any of those that were ever published.
    """
    try:
        records = StoredLedger(settings.ledger, settings.namespace).chain(name).records
        found = [each.entry.to.version or "" for each in records]
    except KanaryaError:
        published = storage.folders(storage.join(settings.model_store, name))
        found = [folder.partition("-")[0] for folder in published]
    return max((int(number) for number in found if number.isdecimal()), default=0)


def _commit(
    candidate: Candidate, name: str, run_id: str, where: tuple[Store, decision.Decision]
) -> str:
    store, verdict = where
    expected = str(registry.number_after(name, store.last))
    uri = _publish(candidate.packaged, store, expected)
    card = artifact.read_card(candidate.packaged)
    facts = rules.facts(card, verdict, run_id)
    version = registry.register(
        registry.Version(name, run_id, uri, facts, rules.description(card, verdict)),
        candidate.packaged / "native",
    )
    if version != expected:  # somebody registered meanwhile, outside our lock
        moved = _publish(candidate.packaged, store, version)
        registry.set_tags(name, version, {registry.STORE_URI: moved})
        storage.remove_folder(uri)
    return version


def _publish(packaged: Path, store: Store, version: str) -> str:
    """Put the model directory into the store; what a killed run left there is replaced."""
    uri = store.place(version)
    local = storage.local_path(uri)
    if local is None:
        staged = packaged.with_name(f"{packaged.name}.v{version}")
        shutil.rmtree(staged, ignore_errors=True)
        artifact.publish(packaged, staged, version, store.signing_key)
        storage.upload(staged, uri)
        return uri
    if local.exists():
        shutil.rmtree(local)
    artifact.publish(packaged, local, version, store.signing_key)
    return local.as_uri()


def _describe_run(candidate: Candidate, run_id: str, verdict: decision.Decision) -> None:
    scores = json.loads((candidate.evaluation / "scores.json").read_text(encoding="utf-8"))
    tracking.log_evaluation(run_id, scores["candidate"], candidate.evaluation)
    tracking.log_file(run_id, verdict.markdown(), "gate.md")
    files = {
        recorded.GATE: candidate.decision / "decision.json",
        recorded.FINDINGS: candidate.findings / "findings.json",
        "report.html": candidate.report,
    }
    for name, path in files.items():
        if path.is_file():
            tracking.log_file(run_id, path.read_text(encoding="utf-8"), name)
    tracking.tag_run(run_id, {tracking.GATE: "passed"})
