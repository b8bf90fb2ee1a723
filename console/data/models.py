"""The registered models: read from the model store and the ledger, confirmed by the registry.

Cards and records are files and cost milliseconds; MLflow costs seconds and 140 MB, so it is asked
in a process of its own, and pages show what the files say until it has answered.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from console.data.child import in_child
from console.data.versions import Model, Version, confirmed, of_card, told
from serving import storage
from serving.card import CARD, Card, parse_card
from serving.errors import KanaryaError, NotFound
from serving.rollout.chain import Chain
from serving.rollout.ledger import StoredLedger
from serving.settings import Settings

if TYPE_CHECKING:
    from components.registry import Entry

FRESH_S = 60.0
"""So long an answer of the registry is taken for good, for who opens a page."""
SETTLED_S = 5.0
"""A promotion is in the ledger a moment before its aliases are moved."""


@dataclass
class Models:
    """The models of one installation, for threads."""

    settings: Settings
    _cards: dict[str, Version] = field(default_factory=dict)
    _chains: dict[str, tuple[str, Chain]] = field(default_factory=dict)
    _entries: tuple[Entry, ...] | None = None
    _asked_at: float = float("-inf")
    _decided: dict[str, str] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def ledger(self) -> StoredLedger:
        """Return the ledger of the installation."""
        return StoredLedger(self.settings.ledger, self.settings.namespace)

    def all(self) -> tuple[Model, ...]:
        """Return every model by name; of a store that is elsewhere only the registry knows."""
        if storage.local_path(self.settings.model_store) is None:
            self.confirm()
        return self.known()

    def known(self) -> tuple[Model, ...]:
        """Return the models that are known by now; nobody is asked."""
        return tuple(self._model(name) for name in sorted(self._names()))

    def one(self, name: str) -> Model:
        """Return a model with all of its versions. Raises NotFound."""
        if storage.local_path(self.settings.model_store) is None:
            self.confirm()
        if name not in self._names():
            raise NotFound(f"there is no model {name!r:.80}; /models lists those there are.")
        return self._model(name)

    def version(self, name: str, version: str) -> Version:
        """Return a version. Raises NotFound."""
        found = self.one(name).version(version)
        if found is None:
            raise NotFound(f"{name} has no version {version!r:.20}; /models/{name} lists them.")
        return found

    def card(self, name: str, version: str) -> Card:
        """Return the card of a version. Raises NotFound, and ModelError where it is damaged."""
        uri = self.version(name, version).uri
        return _card(uri)

    def chain(self, name: str) -> Chain:
        """Return the records of a service. Raises LedgerError."""
        newest, known = self._newest(name), self._chains.get(name)
        if known is None or known[0] != newest or not newest:
            self._chains[name] = known = (newest, self.ledger.chain(name))
        return known[1]

    def confirm(self, *, again: bool = False) -> None:
        """Ask the registry, unless it was asked a moment ago; it takes two seconds."""
        with self._asking:
            if again or time.monotonic() - self._asked_at > FRESH_S:
                self._decided = {name: self._newest(name) for name in self._names()}
                self._entries = in_child(self.settings, listed)
                self._asked_at = time.monotonic()

    @property
    def asked(self) -> bool:
        """Say whether the registry has answered at all yet."""
        return self._entries is not None

    def outdated(self, name: str) -> bool:
        """Say whether something was decided of a model since the registry was asked."""
        return self.asked and self._decided.get(name) != self._newest(name)

    def settled(self, name: str) -> bool:
        """Say whether the registry must know by now what was decided last."""
        records = self.chain(name).records
        return bool(records) and time.time() - records[-1].at.timestamp() > SETTLED_S

    def _newest(self, name: str) -> str:
        """Return the name of the newest record of a service, "" where there is none."""
        return (storage.names(self.ledger.folder(name)) or [""])[-1]

    def _names(self) -> set[str]:
        root = storage.local_path(self.settings.model_store)
        stored = set() if root is None else {each.name for each in _folders(root)}
        return stored | {entry.name for entry in self._entries or ()}

    def _model(self, name: str) -> Model:
        entries = {e.version: e for e in self._entries or () if e.name == name}
        found = {each.version: each for each in self._stored(name)}
        for version, entry in entries.items():
            uri = entry.tags.get("kanarya.store_uri", "")
            found.setdefault(version, self._read(name, version, uri))
        versions = told(found.values(), self._records(name).records)
        newest = not self.outdated(name)
        return Model(
            name,
            tuple(_checked(each, entries.get(each.version), newest) for each in versions),
            confirmed=self.asked,
        )

    def _stored(self, name: str) -> list[Version]:
        root = storage.local_path(self.settings.model_store)
        folders = _folders(root / name) if root else []
        return [
            self._read(name, folder.name, folder.as_uri())
            for folder in folders
            if folder.name.isdecimal()
        ]

    def _read(self, name: str, version: str, uri: str) -> Version:
        if uri not in self._cards:
            try:
                self._cards[uri] = of_card(name, version, uri, _card(uri))
            except KanaryaError as error:  # it may be there the next time
                return Version(name, version, uri, trouble=str(error))
        return self._cards[uri]

    def _records(self, name: str) -> Chain:
        try:
            return self.chain(name)
        except KanaryaError:  # the page of the service says what is wrong with it
            return Chain()


def listed() -> tuple[Entry, ...]:
    """Return the registry's versions; for a process of its own."""
    from components import registry

    return tuple(registry.listing())


def _checked(version: Version, entry: Entry | None, newest: bool) -> Version:
    return confirmed(version, entry, _sentences(entry), newest=newest) if entry else version


def _sentences(entry: Entry) -> tuple[str, ...]:
    try:
        said = json.loads(entry.tags.get("kanarya.gate.reasons", "[]"))
    except ValueError:  # it was longer than a tag may be
        return ()
    return tuple(map(str, said)) if isinstance(said, list) else ()


def _card(uri: str) -> Card:
    data = storage.read(storage.join(uri, CARD)) if uri else None
    if data is None:
        raise NotFound(f"there is no {CARD} at {uri or 'an unknown place'}; it was taken away.")
    return parse_card(data, Path(uri))


def _folders(root: Path) -> list[Path]:
    try:
        found = [each for each in root.iterdir() if not each.name.startswith(".")]
    except OSError:
        return []
    return [each for each in found if each.is_dir()]
