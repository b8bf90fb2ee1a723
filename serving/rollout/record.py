r"""One record of the ledger: what a rollout decided, who, when, why, and on what grounds. Pure.

A record is a file `<seq>.json`, six digits from 000001 on, that is never changed. It holds one
JSON object in UTF-8 with sorted keys, no blanks and a newline at its end, so that the same record
is always the same bytes:

    format     1
    seq        its number, as in the file's name
    prev       sha256 (hex) of all bytes of the file before it; 64 zeros in the first
    at         UTC, RFC 3339 with microseconds: when it was written, just before the change
    namespace, service
    kind       `begun`, `split`, `held`, `resumed` (a person let a held one go on), `promoting`,
               `promoted`, `rolling_back`, `rolled_back`, `taken_over` (another process goes on),
               `conflict` (it stopped because somebody else was first), or another phase
    step       index of the rollout's step, from 0
    percent    what the version of `to` is to get of the traffic; null where nothing was live before
    why        a sentence
    from, to   the model that was live at the beginning and the one that is brought: {version, uri,
               sha256}, the last of its MANIFEST.json at the beginning; null where not known. `from`
               is null where nothing was live
    undo       whether the rollout goes back to a version that was live before
    evidence   sentences: what it was judged by, oldest first
    measured   the numbers behind the verdict that led to it (`serving.rollout.measured`), and
    policy     the limits of the rollout, in `begun`: each only where there is something to say
    rollout    the rollout's id; `run` the id of the pipeline's run, "" where there is none
    who        {actor: user@host or the service account, holder: the process}

A record says what its writer is about to do: it is written before the InferenceService is patched.
Where it says `promoted` or `rolled_back`, the platform had done it already.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from serving.moved import Moves

FORMAT = 1
FIRST = "0" * 64
"""What the first record has in the place of a sha256."""
TAKEN_OVER = "taken_over"
_HEX = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Model:
    """A version, where it is, and the sha256 of its manifest; None where that is not known."""

    version: str | None
    uri: str | None
    sha256: str | None = None

    def same(self, other: Model | None) -> bool:
        """Say whether it is the same version at the same place."""
        return other is not None and (self.version, self.uri) == (other.version, other.uri)

    def __str__(self) -> str:
        """Name it for people."""
        return f"version {self.version}" if self.version else f"the model at {self.uri}"


@dataclass(frozen=True)
class Entry:
    """What a rollout has to say; the ledger adds number, digests, actor and time."""

    service: str
    kind: str
    rollout: str
    to: Model
    before: Model | None = None
    step: int = 0
    percent: int | None = None
    why: str = ""
    undo: bool = False
    evidence: tuple[str, ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    holder: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What two records of one decision share; the numbers it was made on may differ."""
        before = (self.before.version, self.before.uri) if self.before else None
        holder = self.holder if self.kind == TAKEN_OVER else None
        return (self.rollout, self.kind, self.step, self.percent, before, holder)


@dataclass(frozen=True)
class Record:
    """An entry with its place in the chain."""

    seq: int
    prev: str
    at: datetime
    namespace: str
    actor: str
    entry: Entry

    @property
    def file(self) -> str:
        """The name of its file."""
        return file_of(self.seq)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that its file holds."""
        entry = self.entry
        return {
            "format": FORMAT,
            "seq": self.seq,
            "prev": self.prev,
            "at": stamp(self.at),
            "namespace": self.namespace,
            "service": entry.service,
            "kind": entry.kind,
            "step": entry.step,
            "percent": entry.percent,
            "why": entry.why,
            "from": _model_json(entry.before) if entry.before else None,
            "to": _model_json(entry.to),
            "undo": entry.undo,
            "evidence": list(entry.evidence),
            "rollout": entry.rollout,
            "run": entry.run,
            "who": {"actor": self.actor, "holder": entry.holder},
            **{key: dict(value) for key, value in _numbers(entry).items() if value},
        }

    def to_bytes(self) -> bytes:
        """Return all bytes of its file."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        # A lone surrogate, of a file name for one, has no bytes in UTF-8.
        return f"{text}\n".encode("utf-8", "backslashreplace")

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Return the record of a file; raises ValueError, KeyError or TypeError."""
        value = json.loads(data)
        if value["format"] != FORMAT:
            raise ValueError(f"format {value['format']!r}, this program reads {FORMAT}")
        record = cls(
            seq=_checked(value["seq"], int),
            prev=_digest(value["prev"]),
            at=instant(value["at"]),
            namespace=_checked(value["namespace"], str),
            actor=_checked(value["who"]["actor"], str),
            entry=_entry(value),
        )
        if record.to_bytes() != data:
            raise ValueError("its bytes are not as they are written here")
        return record


def said_before(backwards: Iterable[Record], entry: Entry) -> Record | None:
    """Return the record of the same decision, if nothing else was decided of the rollout since.

    A process that takes over makes the decision again that its predecessor was killed over.
    """
    for record in backwards:
        if record.entry.rollout != entry.rollout:
            continue
        if record.entry.key == entry.key:
            return record
        if record.entry.kind != TAKEN_OVER:
            return None
    return None


def file_of(seq: int) -> str:
    """Return the name of a record's file."""
    return f"{seq:06}.json"


def seq_of(file: str) -> int | None:
    """Return the number that a file's name stands for, None where it is no record's name."""
    digits = file.removesuffix(".json")
    is_number = digits.isascii() and digits.isdigit() and int(digits) > 0
    return int(digits) if is_number and file_of(int(digits)) == file else None


def digest(data: bytes) -> str:
    """Return the sha256 that the next record holds."""
    return hashlib.sha256(data).hexdigest()


def stamp(at: datetime) -> str:
    """Return a moment as records write it: UTC with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(text: str) -> datetime:
    """Return the moment that `stamp` wrote; raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def with_digests(entry: Entry, before: str | None, to: str | None) -> Entry:
    """Return the entry with the sha256 of the manifests of its two models."""
    return replace(
        entry,
        before=replace(entry.before, sha256=before) if entry.before else None,
        to=replace(entry.to, sha256=to),
    )


def _numbers(entry: Entry) -> dict[str, Mapping[str, Any]]:
    return {"measured": entry.measured, "policy": entry.policy}


def _entry(value: Mapping[str, Any]) -> Entry:
    return Entry(
        service=_checked(value["service"], str),
        kind=_checked(value["kind"], str),
        rollout=_checked(value["rollout"], str),
        to=_model(value["to"]),
        before=_model(value["from"]) if value["from"] is not None else None,
        step=_checked(value["step"], int),
        percent=_checked(value["percent"], int) if value["percent"] is not None else None,
        why=_checked(value["why"], str),
        undo=_checked(value["undo"], bool),
        evidence=tuple(_checked(line, str) for line in value["evidence"]),
        measured=_checked(value.get("measured", {}), dict),
        policy=_checked(value.get("policy", {}), dict),
        run=_checked(value["run"], str),
        holder=_checked(value["who"]["holder"], str),
    )


def _model(value: Mapping[str, Any]) -> Model:
    return Model(*(_text_or_none(value[key]) for key in ("version", "uri", "sha256")))


def _model_json(model: Model) -> dict[str, str | None]:
    return {"version": model.version, "uri": model.uri, "sha256": model.sha256}


def relocated(record: Record, moves: Moves) -> Record:
    """Return the record with its models where they are now, in a home that was restored."""
    if not moves:
        return record
    to, before = _moved(record.entry.to, moves), record.entry.before
    return replace(
        record, entry=replace(record.entry, to=to, before=before and _moved(before, moves))
    )


def _moved(model: Model, moves: Moves) -> Model:
    return replace(model, uri=model.uri and moves.applied(model.uri))


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _checked(value, str)


def _digest(value: Any) -> str:
    if not _HEX.fullmatch(_checked(value, str)):
        raise ValueError(f"{value!r} is no sha256")
    return str(value)


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
