"""The queue's page: what is done by a button has happened, what happens elsewhere is shown."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from pipelines.queue import Queue, View
from tests.browser.conftest import Installation
from tests.e2e.conftest import IRIS, eventually

pytestmark = pytest.mark.browser


def view(here: Installation) -> View:
    queue = Queue(here.settings)
    try:
        return queue.view()
    finally:
        queue.close()


def test_the_queue_is_paused_filled_emptied_and_resumed(
    here: Installation, browse: Callable[..., Page]
) -> None:
    page = browse()
    page.goto("/queue")
    state = page.get_by_role("status").first
    expect(state).to_have_text("going")

    page.get_by_role("button", name="Pause").click()
    expect(state).to_have_text("paused")
    assert view(here).paused

    queued = here.kanarya("run", str(IRIS), "--set", "name=starling", "--queue").stdout.strip()
    expect(page.get_by_role("link", name=queued)).to_be_visible()  # without a reload
    expect(page.get_by_role("row").filter(has_text=queued)).to_contain_text("ready")

    page.get_by_label("Cancel this run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel this run").click()
    expect(page.get_by_text("Nothing runs and nothing waits.")).to_be_visible()
    ended = page.get_by_role("region", name="Ended last").get_by_role("row")
    assert not view(here).entries
    expect(ended.filter(has_text=queued)).to_contain_text("cancelled")

    page.get_by_role("button", name="Resume").click()
    expect(state).to_have_text("going")
    assert not view(here).paused


@pytest.mark.parametrize(("typed", "workers"), [("3", 3), ("65", 64), ("2", 2)])
def test_so_many_runs_go_on_at_once_as_are_set(
    here: Installation, browse: Callable[..., Page], typed: str, workers: int
) -> None:
    page = browse()
    page.goto("/queue")
    page.get_by_label("Workers").fill(typed)
    page.get_by_role("button", name="Set").click()
    eventually(lambda: view(here).workers == workers)
