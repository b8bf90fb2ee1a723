"""The InferenceServices: what each serves, on which share, and how its revisions do.

The split that is asked for is in the object; the one that is measured, the errors and the times
come from the source that rollouts are judged by.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from console.data.feed import Feed
from console.data.traffic import MOST_POINTS, Numbers, Point, numbers, point, recent
from serving.errors import KanaryaError, NotFound
from serving.isvc.client import connect
from serving.isvc.resource import ServiceView
from serving.isvc.services import Services as Cluster
from serving.rollout.observation import Observation
from serving.rollout.sources import ChosenSource
from serving.rollout.state import live_version, rollout_of
from serving.settings import Settings

EVERY_S = 2.0
READERS = 8
NONE = Numbers("")


@dataclass(frozen=True)
class Revision:
    """One revision of a service.

    version   "" where it is not known      percent   what it is to get now
    role      live, canary or older          url       where it answers whatever the split is
    total     since the counters began       lately    of the last minute
    """

    name: str
    version: str = ""
    role: str = "older"
    percent: int = 0
    url: str = ""
    total: Numbers = NONE
    lately: Numbers = NONE


@dataclass(frozen=True)
class Service:
    """A service at one moment.

    state        ready, not_ready (with the `complaint` why) or coming
    phase        of its newest rollout, "" where it had none; `over`: nothing is left to do in it
    points       what happened between one reading and the next, while somebody watched
    trouble      why nothing is measured
    """

    name: str
    namespace: str = ""
    state: str = "coming"
    complaint: str = ""
    mode: str = ""
    url: str = ""
    uri: str = ""
    version: str = ""
    canary: str = ""
    phase: str = ""
    over: bool = True
    revisions: tuple[Revision, ...] = ()
    points: tuple[Point, ...] = ()
    trouble: str = ""

    @property
    def requests(self) -> int:
        """Requests since the counters began."""
        return sum(each.total.requests for each in self.revisions)

    @property
    def errors(self) -> int:
        """Those that failed."""
        return sum(each.total.errors for each in self.revisions)


@dataclass
class Watch:
    """Reads one service again and again; what it saw stays for who looks next."""

    source: ChosenSource
    readings: deque[Observation] = field(default_factory=lambda: deque(maxlen=60))
    points: deque[Point] = field(default_factory=lambda: deque(maxlen=MOST_POINTS))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def look(self, view: ServiceView, now: float) -> Service:
        """Return the service as it is at the moment `now` (seconds since 1970)."""
        with self.lock:
            seen = self.source.observe(view, now) if view.traffic else None
            if not isinstance(seen, Observation):
                return service(view, trouble=seen.reason if seen else "")
            self._keep(seen)
            total = numbers(seen)
            lately = numbers(seen, recent(self.readings, now))
            return service(view, total, lately, tuple(self.points))

    def _keep(self, seen: Observation) -> None:
        last = self.readings[-1] if self.readings else None
        if last and last.epoch != seen.epoch:  # the counters began anew
            self.readings.clear()
        elif last and seen.at - last.at < EVERY_S / 2:  # somebody else looked just now
            return
        found = point(seen, last) if last else None
        if found and (any(n.requests for n in found.numbers) or _moved(self.points, found)):
            self.points.append(found)
        self.readings.append(seen)


@dataclass
class Services:
    """The services of the namespace, for threads."""

    settings: Settings
    _watches: dict[str, Watch] = field(default_factory=dict)
    _feeds: dict[str, Feed[Service]] = field(default_factory=dict)
    _client: tuple[int, Cluster] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self) -> tuple[Service, ...]:
        """Return every service by name. Raises ServiceError where the API server is away."""
        views = self.client().list()  # type: ignore[attr-defined]
        now = time.time()
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda view: self._watch(view.name).look(view, now), views))
        return tuple(sorted(found, key=lambda each: each.name))

    def view(self, name: str) -> ServiceView:
        """Return the InferenceService as it is. Raises NotFound."""
        found = self.client().get(name)
        if found is None:
            raise NotFound(f"there is no service {name!r:.80}; /services lists those there are.")
        return found

    def one(self, name: str) -> Service:
        """Return a service. Raises NotFound, and ServiceError where the API server is away."""
        view = self.view(name)
        return self._watch(name).look(view, time.time())

    def feed(self, name: str) -> Feed[Service]:
        """Return the one feed of a service for all browsers; an outage is a value of it."""
        with self._lock:
            if name not in self._feeds:
                self._feeds[name] = Feed(lambda: self._now(name), EVERY_S)
            return self._feeds[name]

    def client(self) -> Cluster:
        """Return the API server's client; another one where the kubeconfig was written anew."""
        path = self.settings.kubeconfig
        written = path.stat().st_mtime_ns if path.exists() else 0
        if self._client is None or self._client[0] != written:
            self._client = (written, connect(path, self.settings.namespace))
        return self._client[1]

    def _now(self, name: str) -> Service:
        try:
            return self.one(name)
        except KanaryaError as error:
            return Service(name, state="away", trouble=str(error))

    def _watch(self, name: str) -> Watch:
        with self._lock:
            return self._watches.setdefault(name, Watch(ChosenSource(self.settings)))


def service(
    view: ServiceView,
    total: tuple[Numbers, ...] = (),
    lately: tuple[Numbers, ...] = (),
    points: tuple[Point, ...] = (),
    trouble: str = "",
) -> Service:
    """Return what is shown of a service. Pure but for the names of its annotations."""
    state = rollout_of(view)
    known = {state.canary: state.version, state.stable: state.from_version} if state else {}
    versions = {revision: version or "" for revision, version in known.items() if revision}
    under_way = state is not None and not state.over
    canary = state.canary if state and under_way else ""
    found = _revisions(view, versions, canary, {n.revision: n for n in total})
    last = {n.revision: n for n in lately}
    return Service(
        name=view.name,
        namespace=view.namespace,
        state={True: "ready", False: "not_ready", None: "coming"}[view.ready],
        complaint=view.load_failure or view.complaint or "",
        mode=str(view.mode or ""),
        url=view.url or "",
        uri=view.storage_uri,
        version=live_version(view) or "",
        canary=state.version if state and under_way else "",
        phase=state.phase.value if state else "",
        over=not under_way,
        revisions=tuple(_lately(each, last) for each in found),
        points=points,
        trouble=trouble,
    )


def _revisions(
    view: ServiceView,
    versions: Mapping[str, str],
    canary: str,
    total: Mapping[str, Numbers],
) -> list[Revision]:
    shares: dict[str, int] = {}
    for target in view.traffic:
        shares[target.revision] = shares.get(target.revision, 0) + target.percent
    urls = {target.revision: target.url for target in view.traffic if target.url}
    names = sorted({*shares, *total} - {""}, reverse=True)
    return [
        Revision(
            name,
            versions.get(name, ""),
            "canary" if name == canary else "live" if name == view.rolled_out else "older",
            shares.get(name, 0),
            urls.get(name, ""),
            total.get(name, NONE),
        )
        for name in names
    ]


def _lately(revision: Revision, last: Mapping[str, Numbers]) -> Revision:
    return replace(revision, lately=last.get(revision.name, NONE))


def _moved(points: deque[Point], found: Point) -> bool:
    """Say whether a moment without requests is the first after one with some."""
    return bool(points) and any(each.requests for each in points[-1].numbers)
