"""What a Prometheus server has scraped, of every pod of every revision."""

from __future__ import annotations

import math
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlencode

from serving.isvc.resource import ServiceView
from serving.rollout.observation import NotMeasured, Observation
from serving.rollout.sources import counters
from serving.rollout.sources.answers import Answer, read
from serving.rollout.sources.fetching import Credentials, Limits, Unreadable, fetch, shown
from serving.rollout.sources.promql import REQUESTS, Dialect, expression
from serving.rollout.sources.rounds import Rounds, Split
from serving.rollout.sources.source import Addresses, idle, tag_addresses

EVERY_S = 1.0
"""At most one question in this time: nothing new is scraped meanwhile."""
LIMITS = Limits(
    timeout_s=5.0,
    largest=16 << 20,
    login="name the file of a token in KANARYA_PROMETHEUS_TOKEN_FILE",
)


@dataclass(frozen=True)
class Server:
    """Where Prometheus is, the file of its bearer token, and of the CA that it is trusted by."""

    url: str
    token_file: Path | None = None
    ca_file: Path | None = None

    def ask(self, query: str, limits: Limits) -> bytes:
        """Return the answer to an instant query. Raises Unreadable."""
        url = f"{self.url.rstrip('/')}/api/v1/query?{urlencode({'query': query})}"
        return fetch(url, limits, self._credentials())

    def _credentials(self) -> Credentials:
        """Return them as they are now: a token of Kubernetes is a new one every hour."""
        try:
            token = self.token_file.read_text("ascii").strip() if self.token_file else ""
            context = ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None
        except (OSError, ValueError) as error:
            raise Unreadable(
                f"the token or the CA of {shown(self.url)} cannot be read ({error}); "
                "correct KANARYA_PROMETHEUS_TOKEN_FILE or KANARYA_PROMETHEUS_CA_FILE"
            ) from error
        return Credentials({"Authorization": f"Bearer {token}"} if token else {}, context)


@dataclass(frozen=True)
class _Known:
    """What is known of one service: the exporter that tells of it, its pods, its last telling."""

    dialect: Dialect | None = None
    rounds: Rounds = field(default_factory=Rounds)
    at: float = -math.inf
    told: Observation | NotMeasured | None = None


class PrometheusSource:
    """Instant queries over Prometheus' HTTP API; remembers the pods of each service between looks.

    The epoch is the moment of the first look, and a new one where a pod appears of which nobody
    knows what it counted before. So another process that goes on with a rollout begins anew with
    what was not written down, and subtracts nothing that it cannot know.
    """

    def __init__(
        self,
        server: Server,
        dialects: Sequence[Dialect] = REQUESTS,
        revisions: Addresses = tag_addresses,
        limits: Limits = LIMITS,
    ) -> None:
        self._server, self._limits = server, limits
        self._dialects, self._revisions = tuple(dialects), revisions
        self._known: dict[tuple[str, ...], _Known] = {}

    def observe(self, view: ServiceView, now: float) -> Observation | NotMeasured:
        """Return what all pods counted; NotMeasured where Prometheus cannot tell of each."""
        revisions = sorted(self._revisions(view))
        key = (view.namespace, view.name, *revisions)
        known = self._known.get(key, _Known())
        told, is_recent = known.told, 0 <= now - known.at < EVERY_S
        if told is None or not is_recent or known.rounds.split != _split(view):
            known, told = self._looked(view, revisions, replace(known, at=now))
            # One at a time: a rollout looks at one service, and the next one needs no past.
            self._known = {key: replace(known, told=told)}
        return replace(told, at=now) if isinstance(told, Observation) else told

    def _looked(
        self, view: ServiceView, revisions: Sequence[str], known: _Known
    ) -> tuple[_Known, Observation | NotMeasured]:
        try:
            dialect, answer = self._answer(view.namespace, revisions, known)
        except Unreadable as error:
            return known, NotMeasured(str(error))
        except ValueError as error:
            return known, self._no(f"cannot be used ({error}); see its log")
        rounds = known.rounds.under(_split(view), answer.at)
        known = replace(known, dialect=dialect, rounds=rounds)
        complaint = rounds.complaint(answer, set(revisions) - idle(view))
        if complaint:
            return known, self._no(f"cannot tell: {complaint}")
        known = replace(known, rounds=rounds.after(answer))
        return known, self._told(known)

    def _answer(
        self, namespace: str, revisions: Sequence[str], known: _Known
    ) -> tuple[Dialect, Answer]:
        """Return the first answer that has pods; once one had any, no other exporter is asked."""
        for dialect in (known.dialect,) if known.dialect else self._dialects:
            query = expression(dialect, namespace, revisions)
            answer = read(self._server.ask(query, self._limits), dialect)
            if answer.pods:
                return dialect, answer
        raise Unreadable(
            f"Prometheus at {shown(self._server.url)} has no series of {' and '.join(revisions)}; "
            "let it scrape their pods, as docs/how-it-works.md says"
        )

    def _told(self, known: _Known) -> Observation | NotMeasured:
        fold = known.rounds.fold
        if fold is None:
            return self._no("has told nothing yet; wait for the next scrape")
        try:
            found = {name: counters.counts(total) for name, total in fold.totals.items()}
        except ValueError as error:
            return self._no(f"cannot be used ({error}); see what it scrapes")
        return Observation(fold.epoch, known.at, found)

    def _no(self, why: str) -> NotMeasured:
        return NotMeasured(f"Prometheus at {shown(self._server.url)} {why}")


def _split(view: ServiceView) -> Split:
    return tuple(sorted((target.revision, target.percent) for target in view.traffic))
