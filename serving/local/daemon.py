"""The platform's own process: store, API, controller, predictors and gateway, on one loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from serving import home
from serving.errors import AlreadyExists, PlatformError
from serving.local import kubeconfig, machine, record
from serving.local.access import FILE, HOST, Access, kept_token
from serving.local.certificate import CERTIFICATE, context
from serving.local.collecting import Collecting
from serving.local.controller import Controller, Wiring
from serving.local.events import timestamp
from serving.local.launching import PREDICTOR, launching
from serving.local.ports import Ports
from serving.local.processes import Places, Processes
from serving.local.record import Platform
from serving.local.resources import NAMESPACES
from serving.local.sockets import LOOPBACK
from serving.local.store import Store, utc_now
from serving.process import this
from serving.settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import web

API_CLOSE_S = 2.0


@dataclass(frozen=True)
class Options:
    """How a platform is run, besides where."""

    ports: Ports
    predictor: Sequence[str] = PREDICTOR
    ready: Callable[[Platform], None] = lambda platform: None


async def run(settings: Settings, options: Options) -> None:
    """Serve until SIGTERM or SIGINT; then answer what runs, end the predictors, and return.

    Raises PlatformError when another platform has this home, or another process a port.
    """
    async with AsyncExitStack() as stack:
        lock = record.services(settings) / "platform.lock"
        stack.enter_context(record.locked(lock, wait=False, whose="a platform"))
        home.mark(settings.home)
        options.ports.require_free()
        stop = _told_to_stop()
        platform = await _started(settings, options, stack)
        record.write(settings, platform)
        stack.callback(record.remove, settings)
        point_clients(settings, platform)
        options.ready(platform)
        await stop.wait()


def point_clients(settings: Settings, platform: Platform) -> None:
    """Write the kubeconfig, unless the user named a file of their own."""
    if settings.kubeconfig.is_relative_to(settings.home):
        login = _login(settings) if platform.api_scheme == "https" else None
        kubeconfig.write(settings.kubeconfig, platform.api_url, settings.namespace, login)


def _login(settings: Settings) -> kubeconfig.Login:
    services = record.services(settings)
    certificate = (services / CERTIFICATE).read_bytes()
    return kubeconfig.Login(kept_token(services / FILE), certificate)


async def _started(settings: Settings, options: Options, stack: AsyncExitStack) -> Platform:
    """Start the parts, each after what it needs; the stack ends them the other way round."""
    from serving.local.api import make_app
    from serving.local.gateway import Gateway

    store = Store(record.services(settings) / "platform.db")
    stack.callback(store.close)
    with suppress(AlreadyExists):
        namespace = {"metadata": {"name": settings.namespace}, "status": {"phase": "Active"}}
        store.create(NAMESPACES, namespace)
    gateway = Gateway(beside=partial(machine.lines, settings.home))
    places = Places(settings.home / "logs", record.services(settings) / "cache")
    feedback_url = await _collecting(settings, places, stack)
    processes = Processes(places, gateway, launching(options.predictor, feedback_url))
    stack.push_async_callback(processes.close)
    gateway_port = await gateway.start(LOOPBACK, options.ports.gateway)
    stack.push_async_callback(gateway.stop)
    gateway_url = f"http://{LOOPBACK}:{gateway_port}"
    controller = Controller(Wiring(store, processes, gateway, gateway_url))
    await _running(controller.run(), stack)
    access = Access.of(settings)
    app = make_app(store, gateway_url=gateway_url, access=access)
    api_port = await _api(app, access, options.ports.api, _tls(settings, access), stack)
    return _described(access, api_port, gateway_port)


async def _collecting(settings: Settings, places: Places, stack: AsyncExitStack) -> str:
    """Stand ready to collect feedback, and return where; "" where somebody else does."""
    if settings.feedback_url:
        return ""
    collecting = Collecting(settings.home / "feedback", places.logs)
    await _running(collecting.run(), stack)
    return collecting.url


async def _running(work: Coroutine[Any, Any, None], stack: AsyncExitStack) -> None:
    """Run the work until the end; it has had its first turn.

    The controller has looked at everything once before the API shows anything.
    """
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
    await asyncio.sleep(0)


def _tls(settings: Settings, access: Access) -> SSLContext | None:
    return context(record.services(settings), access.host) if access.token else None


async def _api(
    app: web.Application, access: Access, port: int, tls: SSLContext | None, stack: AsyncExitStack
) -> int:
    from aiohttp import web

    runner = web.AppRunner(app, access_log=None, shutdown_timeout=API_CLOSE_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    try:
        await web.TCPSite(runner, access.host, port, ssl_context=tls).start()
    except OSError as error:
        raise PlatformError(
            f"{access.host}:{port} cannot be used ({error.strerror}): choose another port with "
            f"--api-port N or KANARYA_API_PORT=N, another address with {HOST}."
        ) from error
    return int(runner.addresses[0][1])


def _described(access: Access, api_port: int, gateway_port: int) -> Platform:
    return Platform(
        **asdict(this()),
        api_port=api_port,
        gateway_port=gateway_port,
        api_host=access.asked_at,
        api_scheme="https" if access.token else "http",
        started_at=timestamp(utc_now()),
    )


def _told_to_stop() -> asyncio.Event:
    """Return what is set by SIGTERM and SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
