"""`kanarya up | down | status | kubeconfig`: the local platform."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from scripts.queued import in_words, queue_standing, workers_up
from serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.background import Standing
    from serving.isvc.resource import ServiceView


@click.command()
@click.option("--api-port", type=int, help="Port of the Kubernetes API  [default: 8600; 0: any]")
@click.option("--gateway-port", type=int, help="Port of the gateway  [default: 8601; 0: any]")
def up(api_port: int | None, gateway_port: int | None) -> None:
    """Start the local platform, the queue's workers, the watcher and the console, if not up."""
    from serving.local.platform import Ports
    from serving.local.platform import up as start

    chosen = Ports.from_env()
    ports = Ports(
        chosen.api if api_port is None else api_port,
        chosen.gateway if gateway_port is None else gateway_port,
    )
    settings = Settings.from_env()
    beside = _wanted()
    platform = start(settings, ports)
    click.echo(f"Kubernetes API  {platform.api_url}   kubeconfig: {settings.kubeconfig}")
    click.echo(f"Gateway         {platform.gateway_url}/serving/<namespace>/<name>/v1|v2/…")
    for each in beside:
        each(settings)


@click.command()
def down() -> None:
    """Stop all that `up` started; what was live or waited comes back with `up`."""
    from console import background
    from pipelines import workers
    from pipelines.background import WATCHER
    from serving.local.platform import down as stop

    settings = Settings.from_env()
    watched, shown = WATCHER.down(settings), background.down(settings)
    ended = [watched, shown, workers.down(settings), stop(settings)]
    click.echo("stopped" if any(ended) else "it was not running")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:
    """Say what is live, on which share of the traffic; exit code 1 where nothing runs."""
    from console import background
    from pipelines.background import WATCHER
    from serving.local.platform import status as standing

    settings = Settings.from_env()
    found = standing(settings)
    services = _services(settings) if found.healthy else ()
    queue = queue_standing(settings)
    beside = {"watcher": WATCHER.status(settings), "console": background.status(settings)}
    if as_json:
        running = {name: asdict(each) if each else None for name, each in beside.items()}
        known = {**asdict(found), "services": [asdict(s) for s in services]}
        click.echo(json.dumps({**known, "queue": queue, **running}, indent=2))
        return 0 if found.healthy else 1
    if found.platform is None:
        click.echo("the platform is down; `kanarya up` starts it")
        _tell_beside(queue, beside)
        _tell_alerts(settings)
        return 1
    click.echo(
        f"platform: pid {found.platform.pid}, {'well' if found.healthy else 'NOT ANSWERING'}"
    )
    _tell_beside(queue, beside)
    _tell_alerts(settings)
    memory = {p.revision: p.rss_bytes for p in found.predictors}
    for service in services:
        _tell(service, memory)
    return 0 if found.healthy else 1


@click.command()
def kubeconfig() -> None:
    r"""Print the path of the kubeconfig: kubectl --kubeconfig "$(kanarya kubeconfig)" get isvc."""
    from serving.errors import PlatformError

    path = Settings.from_env().kubeconfig
    if not path.is_file():
        raise PlatformError(f"there is no kubeconfig at {path} yet; `kanarya up` writes it")
    click.echo(str(path))


def _wanted() -> list[Callable[[Settings], None]]:
    """Return what starts the rest. Raises UsageError, before anything runs, for a wrong setting."""
    from console import background
    from pipelines import enqueue, queue_rules
    from pipelines.background import WATCHER

    queue_rules.workers_asked()
    queue_rules.requeue_asked()
    each = {
        _queue_up: enqueue.wanted(),
        _watcher_up: WATCHER.wanted(),
        _console_up: background.wanted(),
    }
    return [up for up, wanted in each.items() if wanted]


def _queue_up(settings: Settings) -> None:
    supervisor = workers_up(settings)
    click.echo(f"Queue           pid {supervisor.pid}; `kanarya queue list` shows what runs")


def _watcher_up(settings: Settings) -> None:
    """Start the watcher; a platform without one is still a platform."""
    from pipelines.background import WATCHER
    from serving.errors import KanaryaError

    try:
        pid = WATCHER.up(settings).process.pid
        click.echo(f"Watcher         pid {pid}; it looks at traffic, and retrains where asked to")
    except KanaryaError as error:
        click.echo(f"Watcher         did not start: {error}", err=True)


def _console_up(settings: Settings) -> None:
    """Start the console; a platform without one is still a platform."""
    from console import background
    from serving.errors import KanaryaError

    try:
        click.echo(f"Console         {background.up(settings).url}")
    except KanaryaError as error:
        click.echo(f"Console         did not start: {error}", err=True)


def _services(settings: Settings) -> tuple[ServiceView, ...]:
    from serving.isvc.client import connect

    return connect(settings.kubeconfig, settings.namespace).list()


def _tell_alerts(settings: Settings) -> None:
    from scripts.alerts import standing

    if line := standing(settings):
        click.echo(line)


def _tell_beside(queue: dict[str, Any], beside: dict[str, Standing | None]) -> None:
    click.echo(in_words(queue))
    for name, found in beside.items():
        running = ", ".join(filter(None, [f"pid {found.process.pid}", found.url])) if found else ""
        click.echo(f"{name}: {running or _down(name)}")


def _down(name: str) -> str:
    from console.background import CONSOLE
    from pipelines.background import WATCHER

    kind = {"watcher": WATCHER, "console": CONSOLE}[name]
    return "down; `kanarya up` starts it" if kind.wanted() else f"off ({kind.switch}=0)"


def _tell(service: ServiceView, memory: dict[str, int]) -> None:
    from serving.isvc.resource import LIVE_VERSION

    ready: Any = {True: "ready", False: "not ready", None: "not ready yet"}[service.ready]
    live = service.annotations.get(LIVE_VERSION, "?")
    click.echo(f"{service.name}: {ready}, version {live} live, {service.url}")
    for target in service.traffic:
        held = f"{memory[target.revision] / 2**20:.0f} MB" if target.revision in memory else "-"
        click.echo(f"  {target.percent:>3} %  {target.revision}  {held}")
    if service.complaint:
        click.echo(f"  {service.complaint}")
