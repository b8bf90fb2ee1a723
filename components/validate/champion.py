"""What the champion was made for: read from the model directory that serves."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from components.validate.drift import Known
from serving import artifact, plain_files, storage
from serving.card import parse_card
from serving.plain_files import JSON_LIMIT
from serving.sealed import verified


class Champion(Protocol):
    """A version that serves, and where its model directory is (`components.registry`)."""

    @property
    def version(self) -> str:
        """Its number."""

    @property
    def uri(self) -> str:
        """Its model directory."""


def known(champion: Champion) -> Known:
    """Return what the champion learned from; raise KanaryaError where its files do not say."""
    with TemporaryDirectory() as scratch:
        directory = storage.fetch(champion.uri, Path(scratch) / "champion")
        sealed = verified(directory)
        signature = parse_card(sealed.read(artifact.CARD, JSON_LIMIT), directory).signature
        path = directory / artifact.BASELINE
        baseline = plain_files.json_object(sealed.read(artifact.BASELINE, JSON_LIMIT), path)
    return Known(champion.version, signature, baseline.get("rows", 0), baseline.get("columns", {}))
