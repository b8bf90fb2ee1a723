"""Secrets are planted, a whole run is carried out, and everything it leaves or shows is searched.

On the way every port that any of its processes listens on is looked at: none but loopback.
"""

import base64
import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import pytest

from serving.local.platform import Ports, down, up
from serving.settings import Settings
from tests.e2e.conftest import IRIS, ROOT, Installation, outcome
from tests.e2e.mlflow_servers import PASSWORD, USER, MlflowServer, free_port, listens

pytestmark = pytest.mark.e2e
ROWS = IRIS.with_suffix(".csv").read_bytes()
LOGIN, SIGNATURE = "planted-login/1", "planted-signature+2"
OURS = {"kubeconfig", "services/api-token", "services/api-key.pem", "console/secret"}
"""What has a secret because it is one: files that only their owner may read."""
SECRETS = {
    "DATA_PASSWORD": LOGIN,
    "DATA_SIGNATURE": SIGNATURE,
    "AWS_SECRET_ACCESS_KEY": "planted-aws-key-3",
    "AWS_SESSION_TOKEN": "planted-aws-token-4",
    "SMTP_PASSWORD": "planted-smtp-5",
    "KANARYA_ALERTS_URLS": "mailtos://ayse:planted-mail-6@mail.example, "
    "https://hooks.example/services/planted-webhook-7",
    "KANARYA_CONSOLE_LOGINS": f"ayse admin sha256:{'8' * 64}",
    "GITHUB_TOKEN": "planted-github-9",
}
PLANTED = [
    *(SECRETS[name] for name in ("DATA_PASSWORD", "DATA_SIGNATURE", "AWS_SECRET_ACCESS_KEY")),
    *("planted-aws-token-4", "planted-smtp-5", "planted-mail-6", "planted-webhook-7", "8" * 64),
    "planted-github-9",
]
STEPS, PICTURES = (f"registry.example/{name}@sha256:{'a' * 64}" for name in ("steps", "pictures"))
IMAGES = ("--image", STEPS, "--images-image", PICTURES)
QUICK = (
    "model={kind: logistic_regression, hyperparameters: {solver: lbfgs}}",
    "rollout.shadow.requests=0",
    "rollout.steps=[100]",
)


@dataclass
class Watch:
    """Looks at every process of this test until it is told to stop: its words, its ports."""

    words: set[str] = field(default_factory=set)
    ports: set[tuple[str, str]] = field(default_factory=set)
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.done.wait(0.2):
            ours = {int(path.name): path for path in Path("/proc").glob("[0-9]*") if _is_ours(path)}
            self.words |= {_read(path / "cmdline").decode() for path in ours.values()}
            self.ports |= {
                (each.laddr.ip, str(each.pid))
                for each in psutil.net_connections("inet")
                if each.pid in ours and each.status == psutil.CONN_LISTEN
            }


def _is_ours(process: Path) -> bool:
    """Say whether it was begun by this test, or by what outlives a command of it."""
    return f"GITHUB_TOKEN={SECRETS['GITHUB_TOKEN']}".encode() in _read(process / "environ")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""  # it has ended


class Guarded(http.server.BaseHTTPRequestHandler):
    """Rows for whoever has the login and the signature."""

    def do_GET(self) -> None:
        login = base64.b64encode(f"ayse:{LOGIN}".encode()).decode()
        knows = self.headers["Authorization"] == f"Basic {login}" and quote(SIGNATURE, safe="") in (
            self.path
        )
        self.send_response(200 if knows else 403)
        self.send_header("Content-Length", str(len(ROWS) if knows else 0))
        self.end_headers()
        if knows:
            self.wfile.write(ROWS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    """Where the rows are, with the names of what one must know."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_address[1]}"
        yield f"http://ayse:${{DATA_PASSWORD}}@{host}/iris.csv?sig=${{DATA_SIGNATURE}}"
        server.shutdown()


@pytest.fixture
def watch() -> Iterator[Watch]:
    found = Watch()
    thread = threading.Thread(target=found.run)
    thread.start()
    yield found
    found.done.set()
    thread.join()


@pytest.fixture
def tracking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """MLflow in the home, or a server whose address has a login in it."""
    if request.param == "embedded":
        yield {}
        return
    server = MlflowServer(tmp_path, f"sqlite:///{tmp_path}/server.db", str(tmp_path / "files"), {})
    server.start()
    try:
        uri = server.url.replace("://", f"://{USER}:{PASSWORD}@")
        yield {"MLFLOW_TRACKING_URI": uri}
    finally:
        server.kill()


@pytest.mark.parametrize(
    "tracking", ["embedded", pytest.param("server", marks=pytest.mark.slow)], indirect=True
)
def test_no_secret_shows_and_every_port_is_on_loopback(
    tracking: dict[str, str],
    address: str,
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**SECRETS, **tracking, "KANARYA_API_LOGIN": "1"}.items():
        monkeypatch.setenv(name, value)
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path / "home"), **tracking})
    platform = up(settings, Ports(0, 0))
    environment = {**os.environ, **settings.environment(), "PYTHONPATH": str(ROOT)}
    here = Installation(settings, platform, environment)
    try:
        said = _everything(here, address, tmp_path, thorough=bool(tracking))
    finally:
        down(settings)
    token = (settings.home / "services" / "api-token").read_text()
    planted = [*PLANTED, token, *([PASSWORD] if tracking else [])]
    assert not _shown(planted, [said, "\n".join(watch.words)])
    assert not _left(planted, settings.home, OURS)
    assert not _left(planted, tmp_path / "restored", set())
    assert not _left(planted, tmp_path / "compiled", set())
    assert {ip for ip, _ in watch.ports} <= {"127.0.0.1", "::1"}, watch.ports
    assert any("serving.predictor" in words for words in watch.words), "nobody was looked at"
    assert watch.ports


def _everything(here: Installation, address: str, place: Path, *, thorough: bool) -> str:
    """Do what a person does, with the console beside it; return all that was printed."""
    sets = [part for change in QUICK for part in ("--set", change)]
    sets += ["--set", f"data.uri={address}", "--set", "name=flower"]
    console = here.begin("console", "--port", "0")
    try:
        ran = here.kanarya("run", str(IRIS), *sets, "--json")
        assert (ran.returncode, outcome(ran)["outcome"]) == (0, "promoted"), ran.stderr
        told = [ran.stdout, ran.stderr]
        run_id = str(outcome(ran)["run_id"])
        words = [["models", "list", "--json"], ["audit", "--json"]]
        words += [["backup", str(place / "backups")]]
        words += [["restore", str(place / "backups"), "--home", str(place / "restored")]]
        if thorough:
            words += [["runs", "show", run_id], ["doctor"]]
            words += [["compile", "--out", str(place / "compiled"), *IMAGES]]
        done = [here.kanarya(*each) for each in words]
        failed = [each.args for each in done if each.returncode and "doctor" not in each.args]
        assert not failed
        told += [text for each in done for text in (each.stdout, each.stderr)]
        if thorough:
            told.append(_recorded(here))
    finally:
        console.terminate()
        told_by_console = console.communicate(timeout=30)
    return "\n".join([*told, *told_by_console])


def _recorded(here: Installation) -> str:
    """Return parameters, tags and metrics of all runs and versions, as the server has them."""
    mlflow: Any = here.mlflow
    experiments = [each.experiment_id for each in mlflow.search_experiments()]
    versions = mlflow.search_model_versions("name = 'flower'")
    return str([run.to_dictionary() for run in mlflow.search_runs(experiments)]) + str(
        [dict(each) for each in versions]
    )


def _shown(planted: list[str], texts: list[str]) -> list[str]:
    return [secret for secret in planted for text in texts if _in(secret, text.encode())]


def _left(planted: list[str], folder: Path, spared: set[str]) -> list[str]:
    return [
        f"{path}: {secret}"
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).as_posix() not in spared
        for content in [path.read_bytes()]
        for secret in planted
        if _in(secret, content)
    ]


def _in(secret: str, content: bytes) -> bool:
    """Say whether it is there, as it is or as an address or HTTP would write it."""
    ways = (secret, quote(secret, safe=""), base64.b64encode(f"ayse:{secret}".encode()).decode())
    return any(way.encode() in content for way in ways)


def test_a_secret_that_is_written_out_is_refused_without_repeating_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"name: iris\ndata: {{uri: 's3://AKIA:{LOGIN}@b/x.csv', target: species}}\n")
    environment = {**os.environ, "KANARYA_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "scripts", "run", str(spec), "--queue"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "name a variable in its place, as ${NAME}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not _shown([LOGIN], [done.stdout, done.stderr])
    assert not _left([LOGIN], home, set())


@pytest.mark.slow
def test_mlflows_pages_listen_on_loopback_and_show_no_password(tmp_path: Path) -> None:
    """The store's address may have a password in it: it is not on the command line."""
    port = free_port()
    environment = {**os.environ, "KANARYA_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/planted-store-10.db"
    words = [sys.executable, "-m", "scripts", "mlflow", "--port", str(port)]
    with closing(_process(words, environment)) as pages:
        end = time.monotonic() + 120
        while not listens(port):
            assert time.monotonic() < end
            time.sleep(0.1)
        family = [pages.process, *pages.process.children(recursive=True)]
        assert not _shown(["planted-store-10"], [" ".join(each.cmdline()) for each in family])
        ours = {each.pid for each in family}
        listening = [each for each in psutil.net_connections("inet") if each.status == "LISTEN"]
        assert {each.laddr.ip for each in listening if each.pid in ours} == {"127.0.0.1"}


@dataclass
class Ended:
    """A process that is ended, with its family, when it is closed."""

    process: psutil.Process

    def close(self) -> None:
        for each in (*self.process.children(recursive=True), self.process):
            each.kill()


def _process(words: list[str], environment: dict[str, str]) -> Ended:
    return Ended(psutil.Popen(words, env=environment, stderr=subprocess.DEVNULL))
