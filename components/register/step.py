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
    """Where a model's versions are published, and the key that they are signed with, if any."""

    uri: str
    signing_key: Path | None = None


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
    store = Store(storage.join(settings.model_store, name), settings.signing_key)
    with registry.lock(storage.local_path(store.uri) or settings.home / "locks" / name):
        version = _commit(candidate, name, run_id, (store, verdict))
    registry.stage(name, version)
    tracking.end_run(run_id)
    return version


def _commit(
    candidate: Candidate, name: str, run_id: str, where: tuple[Store, decision.Decision]
) -> str:
    store, verdict = where
    expected = str(registry.next_version(name))
    uri = _publish(candidate.packaged, store, expected)
    card = artifact.read_card(candidate.packaged)
    facts = rules.facts(card, verdict, run_id)
    version = registry.register(
        registry.Version(name, run_id, uri, facts, rules.description(card, verdict)),
        candidate.packaged / "native",
    )
    if version != expected:  # somebody registered by hand, outside our lock
        registry.set_tags(name, version, {registry.STORE_URI: _republish(uri, store, version)})
    return version


def _publish(packaged: Path, store: Store, version: str) -> str:
    """Put the model directory at `<store>/<version>`; what a killed run left there is replaced."""
    uri = storage.join(store.uri, version)
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


def _republish(uri: str, store: Store, version: str) -> str:
    published = storage.local_path(uri)
    if published is None:
        raise GateError(
            f"{uri}: version {version} was registered by somebody else meanwhile; run it again"
        )
    moved = _publish(published, store, version)
    shutil.rmtree(published)
    return moved


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
