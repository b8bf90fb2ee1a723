"""From a file on the desk to a version rolled back, by one person who only has the browser."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Installation
from tests.e2e.conftest import IRIS, eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]
LONG = 300_000.0
EPOCHS_SEEN = """
window.epochsSeen = new Set();
new MutationObserver(() => {
    for (const each of document.querySelectorAll(".k-number")) {
        const said = /^Epoch \\d+: /.exec(each.textContent);
        if (said) window.epochsSeen.add(said[0]);
    }
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
RUN = re.compile(r"/runs/([a-z0-9-]+)$")


def test_a_file_becomes_a_live_model_that_is_repeated_mixed_watched_and_rolled_back(
    here: Installation, browse: Callable[..., Page], tmp_path: Path
) -> None:
    page = browse()
    page.add_init_script(EPOCHS_SEEN)
    first = uploaded(page)
    curve_grows(page)
    ends(page, "promoted")
    downloaded(page, first, tmp_path)

    again = restarted(page, first)
    rolled_back(page)
    ends(page, "rolled back")
    eventually(lambda: live(here) == "1")

    composed(page, data=first, configuration=again)
    promoted(page)
    ends(page, "promoted")
    eventually(lambda: live(here) == "3")
    queue_is_empty(page)


def uploaded(page: Page) -> str:
    page.goto("/new")
    page.locator("input[type=file]").set_input_files(IRIS.with_suffix(".csv"))
    expect(page.get_by_role("cell", name="setosa").first).to_be_visible()
    chosen(page, "Column to predict", "species")
    chosen(page, "Model kind", "mlp")
    # So many that a page that opens late, on a busy machine, still sees it learn.
    page.get_by_label("epochs", exact=True).fill("1000")
    page.get_by_label("patience", exact=True).fill("1000")
    page.get_by_role("button", name="Start").click()
    return arrived(page)


def chosen(page: Page, label: str, option: str) -> None:
    page.get_by_label(label).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def arrived(page: Page) -> str:
    page.wait_for_url(RUN)
    found = RUN.search(page.url)
    assert found
    expect(page.get_by_text(found[1]).first).to_be_visible()
    return found[1]


def curve_grows(page: Page) -> None:
    page.wait_for_function("window.epochsSeen.size > 1", timeout=LONG)
    expect(page.get_by_text(re.compile(r"^Epoch \d+: "))).to_be_visible()


def ends(page: Page, word: str) -> None:
    expect(page.locator(".k-head .k-badge").first).to_have_text(word, timeout=LONG)


def downloaded(page: Page, run_id: str, folder: Path) -> None:
    picked(page, run_id)
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_text("Model as ONNX").click()
    download.value.save_as(folder / "model")
    assert (folder / "model").stat().st_size > 1000


def picked(page: Page, *run_ids: str) -> None:
    page.goto("/")
    for run_id in run_ids:
        page.get_by_role("checkbox", name=f"Pick {run_id}").click()


def restarted(page: Page, run_id: str) -> str:
    picked(page, run_id)
    page.get_by_role("button", name="Restart").click()
    page.get_by_role("dialog").get_by_role("button", name="Restart").dblclick()  # starts one
    return arrived(page)


def composed(page: Page, data: str, configuration: str) -> str:
    picked(page, data, configuration)
    page.get_by_role("button", name="Compose").click()
    page.get_by_role("dialog").get_by_role("button").last.click()
    page.wait_for_url(re.compile(r"/new\?"))
    page.get_by_role("button", name="Start").click()
    return arrived(page)


def rolled_back(page: Page) -> None:
    expect(page.get_by_text("Traffic of the canary").first).to_be_visible(timeout=LONG)
    decided(page, "Abort")


def promoted(page: Page) -> None:
    decided(page, "Promote")


def decided(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click(timeout=LONG)
    page.get_by_role("dialog").get_by_role("button", name=name).click()


def live(here: Installation) -> str:
    from serving.isvc.resource import LIVE_VERSION

    return here.view("iris").annotations[LIVE_VERSION]


def queue_is_empty(page: Page) -> None:
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_text("Nothing runs and nothing waits.")).to_be_visible(timeout=LONG)
    recent = page.get_by_role("region", name="Ended last")
    expect(recent.get_by_role("link")).to_have_count(3)
