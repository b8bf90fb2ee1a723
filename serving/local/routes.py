"""Which address belongs to which service, and which revisions a service's traffic goes to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from serving.local.splitter import Splitter

PREFIX = "/serving/"
PREDICTION_SUFFIXES = (":predict", ":explain", "/infer")


@dataclass(frozen=True)
class Target:
    """One line of a traffic block."""

    revision: str
    percent: int
    tag: str | None = None
    process: str | None = None  # who answers for it, where that is not its own name


@dataclass(frozen=True)
class Route:
    """One service's traffic block, and the revision that stands in when another fails.

    In Standard mode a revision is a Deployment, and its tag is its own name.
    """

    namespace: str
    service: str
    targets: tuple[Target, ...]
    stable: str | None = None
    standard: bool = False

    def percents(self) -> dict[str, int]:
        """Return the percent of each revision; a revision that is named twice gets the sum."""
        percents: dict[str, int] = {}
        for target in self.targets:
            percents[target.revision] = percents.get(target.revision, 0) + target.percent
        return percents if any(percents.values()) else {}

    def processes(self) -> dict[str, str]:
        """Return who answers for each revision, as "namespace/process"."""
        return {
            target.revision: f"{self.namespace}/{target.process or target.revision}"
            for target in self.targets
        }

    def tag_names(self) -> Iterator[tuple[str, str]]:
        """Yield the names that mean one revision alone, each with its tag."""
        for tag in (target.tag for target in self.targets if target.tag):
            yield (tag if self.standard else f"{tag}-{self.service}-predictor"), tag

    def hosts(self) -> tuple[str, ...]:
        """Return the first labels of its hosts below a domain, where they name the namespace."""
        if not self.standard:
            return ()
        names = (self.service, f"{self.service}-predictor")
        return tuple(f"{name}-{self.namespace}" for name in names)


class Service:
    """A route and where its two sequences stand: one for predictions, one for the rest."""

    def __init__(self, route: Route) -> None:
        """Start both sequences at their beginning."""
        self.route = route
        self._percents, self._processes = route.percents(), route.processes()
        self._predictions = Splitter(self._percents)
        self._others = Splitter(self._percents)

    def update(self, route: Route) -> None:
        """Follow a changed route from the next request on; equal percents keep their place."""
        percents = route.percents()
        self._predictions = self._predictions.updated(percents)
        self._others = self._others.updated(percents)
        self.route, self._percents, self._processes = route, percents, route.processes()

    def process(self, revision: str) -> str:
        """Return who answers for a revision, as "namespace/process"."""
        return self._processes.get(revision) or f"{self.route.namespace}/{revision}"

    def tagged(self, tag: str) -> str | None:
        """Return the revision that carries this tag now."""
        return next((each.revision for each in self.route.targets if each.tag == tag), None)

    def next(self, *, prediction: bool) -> str | None:
        """Return the revision whose turn it is; only predictions move the predictions' sequence."""
        return (self._predictions if prediction else self._others).next()

    def substitute(self, failed: str | None, ready: Callable[[str], bool]) -> str | None:
        """Return a ready revision that may stand in: the stable one, else the largest share.

        A revision that was given 0 percent was taken out of traffic on purpose and never
        stands in, unless it is the stable one.
        """
        by_share = sorted(self._percents, key=lambda name: -self._percents[name])
        candidates = [self.route.stable, *(name for name in by_share if self._percents[name])]
        return next((c for c in candidates if c and c != failed and ready(c)), None)


@dataclass(frozen=True)
class Match:
    """What an address means: a service, the tag it asked for, the path on the backend."""

    service: Service
    tag: str | None
    path: str


class RouteTable:
    """All services by the names that they answer to."""

    def __init__(self) -> None:
        """Start empty."""
        self._services: dict[tuple[str, str], Service] = {}
        self._names: dict[tuple[str, str], tuple[Service, str | None]] = {}
        self._hosts: dict[str, Service] = {}

    def set(self, route: Route) -> None:
        """Add a service, or change where its next request goes."""
        key = (route.namespace, route.service)
        if key in self._services:
            self._services[key].update(route)
        else:
            self._services[key] = Service(route)
        self._rename()

    def remove(self, namespace: str, service: str) -> None:
        """Forget a service; a service that is not there is no error."""
        self._services.pop((namespace, service), None)
        self._rename()

    def known(self) -> list[str]:
        """Return the services' names with their namespaces, sorted."""
        return sorted("/".join(key) for key in self._services)

    def match(self, target: str, host: str) -> Match | None:
        """Return what a request's raw target and Host header mean; None if nobody answers there."""
        target, host = _origin_form(target, host)
        if target.startswith(PREFIX):
            return self._by_path(target)
        found = self._by_host(host.lower())
        return Match(*found, target) if found else None

    def _by_host(self, host: str) -> tuple[Service, str | None] | None:
        """Return what `name.namespace…` means, or else `name-namespace.domain`."""
        name, _, rest = host.partition(".")
        namespace = rest.partition(".")[0].partition(":")[0]
        if found := self._names.get((namespace, name)):
            return found
        service = self._hosts.get(name) if rest else None
        return (service, None) if service else None

    def _by_path(self, target: str) -> Match | None:
        path, mark, query = target.partition("?")
        namespace, _, rest = path.removeprefix(PREFIX).partition("/")
        name, _, below = rest.partition("/")
        found = self._names.get((namespace, name))
        return Match(*found, f"/{below}{mark}{query}") if found else None

    def _rename(self) -> None:
        """Rebuild the table of names; a service's own name wins over another one's tag."""
        names: dict[tuple[str, str], tuple[Service, str | None]] = {}
        for (namespace, _), service in self._services.items():
            for name, tag in service.route.tag_names():
                names[namespace, name] = (service, tag)
        for (namespace, name), service in self._services.items():
            if not service.route.standard:  # there it is the Service of the stable Deployment
                names[namespace, f"{name}-predictor"] = (service, None)
        for (namespace, name), service in self._services.items():
            names[namespace, name] = (service, None)
        self._names = names
        each = self._services.values()
        self._hosts = {host: service for service in each for host in service.route.hosts()}


def is_prediction(method: str, path: str) -> bool:
    """Say whether a request asks a model for an answer, which is what is counted and split.

    The path is read as the predictor reads it: clients may write the colon as %3A.
    """
    return method == "POST" and unquote(path.partition("?")[0]).endswith(PREDICTION_SUFFIXES)


def prefix_of(target: str) -> str:
    """Return the part of a raw target that the predictor never sees, "" where a host named it."""
    path = _origin_form(target, "")[0].partition("?")[0]
    return "/".join(path.split("/")[:4]) if path.startswith(PREFIX) else ""


def _origin_form(target: str, host: str) -> tuple[str, str]:
    """Return path and host of a target that names both, as clients of a proxy write it."""
    if target.startswith("/"):
        return target, host
    scheme, found, rest = target.partition("://")
    if not found or "/" in scheme:
        return target, host
    authority, slash, path = rest.partition("/")
    return f"{slash or '/'}{path}", authority or host
