"""Who may ask the Kubernetes API: on loopback whoever is here, elsewhere who has the kubeconfig."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from aiohttp import web

from serving.errors import ServiceError, UsageError
from serving.isvc.client import connect
from serving.local import certificate, kubeconfig
from serving.local.access import Access, is_own_name, kept_token
from serving.local.api import make_app
from serving.local.kubeconfig import Login
from serving.local.store import Store
from serving.settings import Settings

SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/default/inferenceservices"
TOKEN = "a-token-that-only-the-kubeconfig-has"
Serve = Callable[[Access], str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts API servers on free ports of loopback; returns the address of each."""
    store, loop, ends = Store(tmp_path / "platform.db"), asyncio.new_event_loop(), []
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def start(access: Access) -> str:
        app = make_app(store, gateway_url="http://127.0.0.1:1", access=access)
        runner = web.AppRunner(app, access_log=None)
        ends.append(runner.cleanup)
        tls = certificate.context(tmp_path, access.asked_at) if access.token else None
        asyncio.run_coroutine_threadsafe(_listen(runner, tls), loop).result(10)
        return f"http{'s' if tls else ''}://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for end in ends:
        asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()
    store.close()


async def _listen(runner: web.AppRunner, tls: ssl.SSLContext | None) -> None:
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()


def asked(place: Path, url: str, path: str = SERVICES, **headers: str) -> int:
    trusting = certificate.trusting(place) if url.startswith("https") else None
    with urllib3.PoolManager(ssl_context=trusting) as pool:
        return pool.request("GET", url + path, headers=headers, retries=False).status


HEADERS = {
    "no token": ({}, 401),
    "an empty one": ({"Authorization": "Bearer "}, 401),
    "another one": ({"Authorization": "Bearer another"}, 401),
    "another scheme": ({"Authorization": f"Basic {TOKEN}"}, 401),
    "no ASCII": ({"Authorization": "Bearer ş".encode().decode("latin-1")}, 401),
    "the token": ({"Authorization": f"Bearer {TOKEN}"}, 200),
    "the token, from a proxy": ({"Authorization": f"bearer {TOKEN}", "Host": "k8s.example"}, 200),
}


@pytest.mark.parametrize(("headers", "status"), HEADERS.values(), ids=HEADERS.keys())
def test_off_loopback_every_request_needs_the_token(
    serve: Serve, tmp_path: Path, headers, status: int
) -> None:
    url = serve(Access(token=TOKEN))
    assert asked(tmp_path, url, **headers) == status
    assert asked(tmp_path, url, "/healthz", **headers) == 200


def test_the_usual_clients_bring_the_token_of_the_kubeconfig(serve: Serve, tmp_path: Path) -> None:
    url, pem = serve(Access(token=TOKEN)), (tmp_path / "api-certificate.pem").read_bytes()
    kubeconfig.write(tmp_path / "with", url, "default", Login(TOKEN, pem))
    kubeconfig.write(tmp_path / "without", url, "default", Login("another", pem))
    assert connect(tmp_path / "with", "default").list() == ()
    with pytest.raises(ServiceError, match="the token of the kubeconfig"):
        connect(tmp_path / "without", "default").list()
    if shutil.which("kubectl"):  # it sends no token without TLS
        assert kubectl(tmp_path / "with") == (0, "No resources found in default namespace.")
        assert kubectl(tmp_path / "without")[0] == 1


def kubectl(file: Path) -> tuple[int, str]:
    words = ["kubectl", f"--kubeconfig={file}", f"--cache-dir={file.parent}", "get", "isvc"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stderr.strip()


def test_a_certificate_stays_until_it_is_of_another_address(tmp_path: Path) -> None:
    def made(host: str) -> bytes:
        certificate.context(tmp_path, host)
        return (tmp_path / "api-certificate.pem").read_bytes()

    first = made("192.0.2.7")
    assert made("192.0.2.7") == made("127.0.0.1") == first
    assert made("192.0.2.8") != first
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir())


NAMES = {
    "127.0.0.1:8600": True,
    "localhost:8600": True,
    "LOCALHOST": True,
    "[::1]:8600": True,
    "[::1]": True,
    "192.0.2.7": True,
    "evil.example:8600": False,
    "127.0.0.1.evil.example": False,
    "localhost.evil.example:8600": False,
}


@pytest.mark.parametrize(("host", "own"), NAMES.items(), ids=NAMES.keys())
def test_a_page_that_makes_its_name_lead_here_is_refused(
    serve: Serve, tmp_path: Path, host: str, own: bool
) -> None:
    assert is_own_name(host) == own
    assert asked(tmp_path, serve(Access()), Host=host) == (200 if own else 403)


ASKED = {
    "by itself": ({}, "127.0.0.1", False),
    "another loopback": ({"KANARYA_API_HOST": "127.0.0.2"}, "127.0.0.2", False),
    "on a shared machine": ({"KANARYA_API_LOGIN": "1"}, "127.0.0.1", True),
    "all addresses": ({"KANARYA_API_HOST": "0.0.0.0"}, "0.0.0.0", True),
    "one that others reach": ({"KANARYA_API_HOST": "192.0.2.7"}, "192.0.2.7", True),
}


@pytest.mark.parametrize(("env", "host", "needs"), ASKED.values(), ids=ASKED.keys())
def test_a_token_is_asked_for_wherever_others_reach(
    tmp_path: Path, env: dict[str, str], host: str, needs: bool
) -> None:
    access = Access.of(Settings.from_env({"KANARYA_HOME": str(tmp_path)}), env)
    assert (access.host, bool(access.token)) == (host, needs)
    assert (tmp_path / "services" / "api-token").exists() == needs


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    with pytest.raises(UsageError, match="KANARYA_API_HOST is 'everywhere': give an address"):
        Access.of(settings, {"KANARYA_API_HOST": "everywhere"})


def test_a_login_that_is_asked_for_in_other_words_leaves_no_open_api(tmp_path: Path) -> None:
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path)})
    with pytest.raises(UsageError, match="KANARYA_API_LOGIN is 'true': 1 asks for the token"):
        Access.of(settings, {"KANARYA_API_LOGIN": "true"})


def test_the_token_stays_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "api-token"
    path.touch()  # what is left of somebody who was killed
    token = kept_token(path)
    assert len(token) >= 32
    assert kept_token(path) == token
    assert path.stat().st_mode & 0o077 == 0
