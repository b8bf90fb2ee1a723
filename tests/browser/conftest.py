"""A browser as people have it, on a console of its own with platform and workers behind it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from console import background
from serving.local.platform import status
from serving.settings import Settings
from tests.e2e.conftest import Installation

ROOT = Path(__file__).resolve().parents[2]
WIDE, NARROW = (1280, 800), (360, 800)
PATIENCE_MS = 15_000  # of a busy machine
HARMLESS = ("favicon",)
"""Of what a browser writes into its console."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
    if path is None:
        pytest.skip("there is no Chromium here; `make test-browser` installs it where it may")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that `kanarya up` has started, all of it."""
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path_factory.mktemp("home"))})
    ports = {"KANARYA_API_PORT": "0", "KANARYA_GATEWAY_PORT": "0", "KANARYA_CONSOLE_PORT": "0"}
    surroundings = {**settings.environment(), "PYTHONPATH": str(ROOT), "KANARYA_CONSOLE": "1"}
    started = Installation(settings, None, {**os.environ, **surroundings, **ports})  # type: ignore[arg-type]
    done = started.kanarya("up")
    try:
        assert done.returncode == 0, done.stderr
        platform = status(settings).platform
        assert platform is not None
        started.platform = platform
        yield started
    finally:
        started.kanarya("down")


@pytest.fixture
def browse(chromium: Browser, here: Installation) -> Iterator[Callable[..., Page]]:
    """Open a window of the console; whatever its pages complain of fails the test at its end."""
    console = background.status(here.settings)
    assert console is not None
    complaints: list[str] = []
    contexts = []

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error" and not any(word in said.text for word in HARMLESS):
            complaints.append(said.text)

    def opened(size: tuple[int, int] = WIDE, language: str = "en", theme: str = "light") -> Page:
        width, height = size
        context = chromium.new_context(
            base_url=console.url,
            viewport={"width": width, "height": height},
            locale=language,
            color_scheme="dark" if theme == "dark" else "light",
            accept_downloads=True,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints
