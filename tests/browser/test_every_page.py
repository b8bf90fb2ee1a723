"""Every page: no serious fault by axe, no sideways scrolling on a phone, in Turkish no
sentence of the engine in English; its picture, if asked for.

The pictures of docs/console/ are made by `make screenshots`, which sets KANARYA_SCREENSHOTS.
"""

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from components.monitor import windows
from components.monitor.windows import Ended
from pipelines.retrain import standing
from pipelines.retrain.standing import Standing
from scripts.bench import synthetic_runs
from serving.settings import Settings
from tests.browser.conftest import NARROW, ROOT, WIDE, Installation
from tests.e2e.conftest import IRIS

pytestmark = pytest.mark.browser
PAGES = {
    "runs": "/",
    "compare": "/compare?runs={runs}",
    "new": "/new",
    "run": "/runs/{run}",
    "models": "/models",
    "model": "/models/iris",
    "services": "/services",
    "service": "/services/iris",
    "queue": "/queue",
    "alerts": "/alerts",
    "audit": "/audit",
}
SERIOUS = ("serious", "critical")
HELD = ("rollout.max_seconds=0.5", "rollout.on_inconclusive=hold")


@pytest.fixture(scope="module")
def told(here: Installation) -> dict[str, str]:
    """An installation with something to see on every page: a model, and a canary that is held."""
    for number in range(30):
        synthetic_runs.ended(here.settings.home / "runs", number)
    kinds = ("model={kind: logistic_regression}", "model={kind: mlp}")
    for kind in kinds:
        sets = [part for change in (kind, *HELD) for part in ("--set", change)]
        here.kanarya("run", str(IRIS), *sets)
    noted(here.settings)
    runs = sorted(path.name for path in (here.settings.home / "runs").glob("iris-*"))
    places = {"run": runs[-1], "runs": ",".join(runs[:2])}
    return {name: path.format_map(places) for name, path in PAGES.items()}


def noted(settings: Settings) -> None:
    """Two windows of iris' traffic, one of which drifted, and what that came to."""
    at = "2026-01-01T00:00:00+00:00"
    said = "petal_length: median 4.2 -> 6.1 (of two rows the new one is above the old in 97 %)."
    both = (False, (), "1,000 rows look like what the model learned from."), (True, ("x",), said)
    lines = [json.dumps(asdict(Ended(at, "iris", "1", 1000, *each, at))) for each in both]
    file = windows.path(settings, "iris")
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(lines) + "\n")
    why = (
        f"1 of the last 2 windows of version 1 drifted, the newest of them: {said[:-1]}; but "
        f"iris-1 was one, so not before {at}"
    )
    standing.write(settings, Standing("iris", "1", "cooling", "drift", why, at))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_can_be_read_by_everybody(
    told: dict[str, str], browse: Callable[..., Page], name: str, theme: str
) -> None:
    page = browse(theme=theme)
    _opened(page, told[name])
    expect(page.get_by_text("The registry is being asked")).to_have_count(0, timeout=30_000)
    found = Axe().run(page).response["violations"]
    faults = [f"{fault['id']}: {_where(fault)}" for fault in found if fault["impact"] in SERIOUS]
    assert not faults
    if os.environ.get("KANARYA_SCREENSHOTS"):
        _kept(page.screenshot(animations="disabled"), f"{name}-{theme}")


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_on_a_phone(
    told: dict[str, str], browse: Callable[..., Page], name: str, language: str
) -> None:
    page = browse(NARROW, language)
    _opened(page, told[name])
    expect(page.locator("html")).to_have_attribute("lang", language)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]
    english = page.locator("[lang=en]:not(.k-log)")  # what the engine says and nobody translated
    assert language == "en" or english.all_inner_texts() == []


def _opened(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("h1")).to_be_visible()
    page.wait_for_function("window.socket && window.socket.connected")
    page.wait_for_timeout(600)  # what moves when a page opens stands still


def _where(fault: dict) -> list[str]:
    return [node["html"][:200] for node in fault["nodes"]]


def _kept(png: bytes, name: str) -> None:
    """Keep a picture small: 128 colours are enough for a page."""
    folder = ROOT / "docs" / "console"
    folder.mkdir(exist_ok=True)
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128)
    picture.save(folder / f"{name}.png", optimize=True)


def test_the_menu_is_open_where_there_is_room_and_one_click_away_elsewhere(
    browse: Callable[..., Page],
) -> None:
    for size, opened in ((WIDE, True), (NARROW, False)):
        page = browse(size)
        page.goto("/")
        queue = page.get_by_role("link", name="Queue")
        button = page.get_by_role("button", name="Menu")
        expect(button).to_be_visible()
        expect(queue).to_be_visible() if opened else expect(queue).not_to_be_in_viewport()
        button.click()
        expect(queue).not_to_be_in_viewport() if opened else expect(queue).to_be_in_viewport()
