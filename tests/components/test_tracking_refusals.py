"""What an MLflow server refuses is a sentence with its remedy (a bare server, MLflow's client)."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from components import tracking_store
from components.errors import TrackingError
from components.tracking_refusals import Answering, refusal, shown
from serving.errors import UsageError

USER, WORD, TOKEN = (f"MLFLOW_TRACKING_{name}" for name in ("USERNAME", "PASSWORD", "TOKEN"))
OPEN = (200, '{"experiments": []}')
MISSING = json.dumps({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such model"})


class Server(ThreadingHTTPServer):
    """Answers everything with `said`: a status and a body."""

    said: tuple[int, str] = OPEN

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Server)
        status, body = self.server.said
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_PUT = do_GET  # noqa: N815 - the base class asks for them

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in (USER, WORD, TOKEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # MLflow puts the server that it is told of into the environment: no later test may ask it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    found = Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    if thread.is_alive():
        found.shutdown()
    found.server_close()
    thread.join()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("said", "login", "sentence"),
    [
        ((401, "You are not authenticated."), {}, f"wants a login: set {USER} and {WORD}"),
        (
            (401, "You are not authenticated."),
            {USER: "ada", WORD: "no"},
            f"does not accept the login of 'ada': correct {USER} and {WORD}",
        ),
        ((401, "You are not authenticated."), {TOKEN: "old"}, f"the token: renew {TOKEN}"),
        ((403, "Permission denied"), {USER: "ada"}, "does not let 'ada' do this"),
        (
            (403, "Invalid Host header - possible DNS rebinding attack detected"),
            {},
            "start it with --allowed-hosts '127.0.0.1:",
        ),
        ((500, "Internal Server Error"), {}, "look after its database and its artifact store"),
        ((503, '{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "db"}'), {}, "its log says"),
        (
            (404, '{"error_code": "ENDPOINT_NOT_FOUND", "message": "no such endpoint"}'),
            {},
            "bring it to the version of MLflow here",
        ),
        ((429, "slow down"), {}, "has too many requests"),
        ((413, "<html>413 Request Entity Too Large</html>"), {}, "client_max_body_size"),
        ((404, "<html>not here</html>"), {}, "correct MLFLOW_TRACKING_URI"),
        ((200, "<html>another's page</html>"), {}, "correct MLFLOW_TRACKING_URI"),
    ],
)
def test_a_server_that_refuses_is_told_with_the_remedy(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    said: tuple[int, str],
    login: dict[str, str],
    sentence: str,
) -> None:
    server.said = said
    for name, value in login.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TrackingError) as refused:
        tracking_store.client(server.uri)
    assert sentence in str(refused.value)
    assert server.uri in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.thorough
def test_a_server_that_goes_away_is_told_whatever_is_asked(server: Server) -> None:
    tracker = tracking_store.client(server.uri)
    assert isinstance(tracker, Answering)
    server.shutdown()
    server.server_close()
    for ask in (lambda: tracker.get_run("1"), lambda: tracker.log_text("1", "text", "a.txt")):
        with pytest.raises(TrackingError, match=r"does not answer \(.*start its server"):
            ask()


@pytest.mark.parametrize(
    "said",
    [(404, "<html>no backend</html>"), (200, "<html>log in</html>"), (200, '{"run": {"in')],
    ids=["404", "page", "half"],
)
def test_what_is_no_answer_of_mlflow_is_told_whatever_is_asked(
    server: Server, said: tuple[int, str]
) -> None:
    tracker = tracking_store.client(server.uri)
    server.said = said
    with pytest.raises(TrackingError, match="does not answer"):
        tracker.get_run("1")


def test_a_busy_server_is_not_waited_for_as_long_as_it_says(server: Server) -> None:
    tracking_store.client(server.uri)
    assert os.environ["MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER"] == "false"


def test_that_a_thing_is_not_there_stays_an_answer(server: Server) -> None:
    from mlflow.exceptions import MlflowException

    tracker = tracking_store.client(server.uri)
    server.said = (404, MISSING)
    with pytest.raises(MlflowException, match="no such model"):
        tracker.get_registered_model("flower")


def test_the_pages_of_a_server_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.mlflow_ui import mlflow

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:secret@mlflow:5000")
    with pytest.raises(UsageError, match=r"already: open http://mlflow:5000$"):
        mlflow.main([], standalone_mode=False)


def test_a_fault_of_ours_is_no_refusal() -> None:
    assert refusal("http://mlflow:5000", KeyError("name")) is None


@pytest.mark.parametrize(
    ("uri", "printed"),
    [
        ("http://ada:secret@mlflow:5000", "http://mlflow:5000"),
        ("postgresql+psycopg2://ada:secret@db/mlflow", "postgresql+psycopg2://db/mlflow"),
        ("sqlite:////home/ada@work/mlflow.db", "sqlite:////home/ada@work/mlflow.db"),
    ],
)
def test_no_password_is_printed(uri: str, printed: str) -> None:
    assert shown(uri) == printed
