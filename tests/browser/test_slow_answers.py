"""An MLflow that takes its time: pages come at once, and what it says comes into them later."""

import http.server
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from console import background
from serving.settings import Settings
from tests.e2e.conftest import Installation

pytestmark = pytest.mark.browser
LONG = 60_000.0


class SlowMlflow:
    """An MLflow without models, which says so only once it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        slow = self

        class Asked(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                slow.may_answer.wait(300)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def mlflow() -> Iterator[SlowMlflow]:
    found = SlowMlflow()
    yield found
    found.may_answer.set()
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(scope="module")
def here(mlflow: SlowMlflow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A console alone, whose models are elsewhere, so that only MLflow knows them."""
    home: Path = tmp_path_factory.mktemp("home")
    env = {"KANARYA_HOME": str(home), "KANARYA_TRACKING_URI": mlflow.address}
    settings = Settings.from_env({**env, "KANARYA_MODEL_STORE": "s3://models/here"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KANARYA_CONSOLE_PORT", "0")
        background.up(settings)
        try:
            yield Installation(settings, None, {})  # type: ignore[arg-type]
        finally:
            background.down(settings)


def test_pages_are_there_before_mlflow_answers_and_say_what_came_afterwards(
    mlflow: SlowMlflow, browse: Callable[..., Page]
) -> None:
    models, model = browse(), browse(language="tr")
    answer = models.goto("/models")
    assert answer and answer.status == 200
    asked = models.get_by_text("The registry is being asked")
    expect(asked).to_be_visible()
    none = models.get_by_text("No model is registered yet")
    expect(none).to_be_hidden()
    answer = model.goto("/models/iris")
    assert answer and answer.status == 200
    waits = model.get_by_text("Henüz her şey burada değil")
    expect(waits).to_be_visible()
    expect(model.locator("h1")).to_be_visible()
    others = browse()
    others.goto("/queue")  # nobody else waits
    expect(others.get_by_text("Nothing runs and nothing waits.")).to_be_visible()

    mlflow.may_answer.set()
    expect(asked).to_be_hidden(timeout=LONG)
    expect(none).to_be_visible()
    expect(waits).to_be_hidden(timeout=LONG)
    expect(model.get_by_role("alert")).to_have_text(re.compile("iris"), timeout=LONG)
