"""A cluster's runs on the pages of a real browser: listed, watched, started, cancelled."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from console import background
from scripts.bench import synthetic_runs
from serving.settings import Settings
from tests.browser.conftest import NARROW
from tests.browser.test_every_page import SERIOUS
from tests.e2e.conftest import Installation
from tests.pipelines.kfp_api import stories
from tests.pipelines.kfp_api.conftest import IMAGE, package, started
from tests.pipelines.kfp_api.server import FakeKfp, serve

__all__ = ["package", "started"]
pytestmark = pytest.mark.browser
LONG = 60_000.0


@pytest.fixture(scope="module")
def server() -> Iterator[FakeKfp]:
    found, running = serve()
    yield found
    running.shutdown()
    running.server_close()
    assert not found.crashes


@pytest.fixture
def kfp(server: FakeKfp) -> FakeKfp:
    """A Kubeflow Pipelines without runs."""
    for each in (server.runs, server.workflows, server.logs, server.faults):
        each.clear()
    return server


@pytest.fixture(scope="module")
def here(server: FakeKfp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A console alone, which knows that cluster."""
    settings = Settings.from_env({"KANARYA_HOME": str(tmp_path_factory.mktemp("home"))})
    synthetic_runs.ended(settings.home / "runs", 1)
    known = {"KFP_HOST": server.host, "KFP_POLL_SECONDS": "0.2"}
    known |= {"KANARYA_CONSOLE_PORT": "0", "KANARYA_COMPONENTS_IMAGE": IMAGE}
    known |= {"KANARYA_IMAGES_IMAGE": IMAGE}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in known.items():
            patch.setenv(name, value)
        background.up(settings)
        try:
            yield Installation(settings, None, {})  # type: ignore[arg-type]
        finally:
            background.down(settings)


def test_runs_of_the_cluster_stand_beside_those_of_here_and_are_watched(
    kfp: FakeKfp, started: dict[str, Any], browse: Callable[..., Page]
) -> None:
    page = browse()
    page.goto("/")
    page.get_by_role("link", name="iris-1").click(timeout=LONG)
    story = stories.through(kfp, ("register", "deploy"), stories.PROMOTED)
    story[1]()
    expect(page.get_by_text("150 rows; columns to learn from")).to_be_visible(timeout=LONG)
    found = Axe().run(page).response["violations"]
    assert not [fault["id"] for fault in found if fault["impact"] in SERIOUS]
    for go_on in story[2:]:
        go_on()
    expect(page.locator(".k-head .k-badge").first).to_have_text("promoted", timeout=LONG)
    expect(page.get_by_text("version 1 is the first").first).to_be_visible()
    link = page.get_by_role("link", name="Its page in Kubeflow Pipelines")
    expect(link).to_have_attribute("href", f"{kfp.host}/#/runs/details/{started['run_id']}")


def test_the_form_sends_a_run_to_the_cluster_and_asks_about_its_data(
    kfp: FakeKfp, browse: Callable[..., Page], tmp_path: Path
) -> None:
    page = browse()
    page.goto("/new")
    table = tmp_path / "iris.csv"
    table.write_text("a,species\n1,x\n2,y\n")
    page.locator("input[type=file]").set_input_files(table)
    expect(page.get_by_role("cell", name="x", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_role("radio", name="on the cluster").click()
    expect(page.get_by_text(re.compile(r"--on cluster --upload-data"))).to_be_visible()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("needs a bucket")).to_be_visible(timeout=LONG)
    assert not kfp.runs

    page.goto("/new")
    page.get_by_label("Or a path or URI").fill("keras://cifar10")
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("radio", name="on the cluster").click()
    expect(page.get_by_text("Copy the data")).to_be_hidden()
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}$"), timeout=LONG)
    expect(page.get_by_text("ingest-images")).to_be_visible(timeout=LONG)
    (sent,) = kfp.runs
    assert page.url.endswith(sent)


def test_a_run_under_way_is_cancelled_by_a_button(
    kfp: FakeKfp, started: dict[str, Any], browse: Callable[..., Page]
) -> None:
    page = browse(NARROW)
    kfp.set_state("RUNNING")
    page.goto(f"/runs/{started['run_id']}")
    page.get_by_role("button", name="Cancel the run").click(timeout=LONG)
    page.get_by_role("dialog").get_by_role("button", name="Cancel this run").click()
    badge = page.locator(".k-head .k-badge").first
    expect(badge).to_have_text("is being cancelled", timeout=LONG)
    assert kfp.runs[started["run_id"]]["state"] == "CANCELING"
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_a_cluster_that_is_away_is_one_line_and_the_rest_goes_on(
    kfp: FakeKfp, started: dict[str, Any], browse: Callable[..., Page]
) -> None:
    page = browse()
    kfp.faults.extend([503] * 200)
    page.goto("/")
    expect(page.get_by_text(re.compile("answers 503"))).to_be_visible(timeout=LONG)
    expect(page.get_by_role("link", name=re.compile("^model-1-"))).to_be_visible()


def test_alerts_of_the_cluster_are_said_to_be_elsewhere(browse: Callable[..., Page]) -> None:
    for language, said in (("en", "the cluster's watcher"), ("tr", "Kümedeki gözcünün")):
        page = browse(NARROW, language)
        page.goto("/alerts")
        expect(page.get_by_text(said)).to_be_visible()
