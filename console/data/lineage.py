"""Where a version comes from and where it went: data, run, version, service, rollout. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from console.data.services import Service
from console.data.versions import Version
from pipelines.run_row import Row


@dataclass(frozen=True)
class Stop:
    """One stop on the way: what it is, its name, where to look closer, a note and a status."""

    what: str
    name: str
    to: tuple[str, ...] = ()
    note: str = ""
    status: str = ""


def lineage(version: Version, run: Row | None, service: Service | None) -> tuple[Stop, ...]:
    """Return the stops of a version, from its data to its rollout; what is not known is left out.

    `service`: None where the service is not there, or nobody could be asked.
    """
    sha256 = version.data_sha256
    found = [
        Stop("data", (run.data if run else "") or sha256[:12] or "?", note=sha256),
        _run(version, run),
        Stop(
            "version",
            f"{version.name} {version.version}",
            note=version.uri,
            status=version.gate,
        ),
        _service(version, service),
        _rollout(version),
    ]
    return tuple(stop for stop in found if stop)


def _run(version: Version, run: Row | None) -> Stop | None:
    if not version.run:
        return None
    note = f"{run.kind}, {run.target}" if run and run.target else ""
    return Stop("run", version.run, ("runs", version.run), note, run.status if run else "")


def _service(version: Version, service: Service | None) -> Stop | None:
    if service is None:
        return None
    on = [each for each in service.revisions if each.version == version.version]
    note = ", ".join(f"{each.name}: {each.percent} %" for each in on)
    return Stop("service", service.name, ("services", service.name), note, service.state)


def _rollout(version: Version) -> Stop | None:
    rolled = version.rollout
    if rolled is None:
        return None
    to = ("models", version.name, "decisions", rolled.id)
    return Stop("rollout", rolled.id[:8], to, rolled.why, rolled.outcome)
