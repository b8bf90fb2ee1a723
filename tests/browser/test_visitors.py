"""People who do the unexpected: two windows, wrong addresses, endless words, another language."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from console import background
from scripts.bench import synthetic_runs
from tests.browser.conftest import NARROW, WIDE, Installation

pytestmark = pytest.mark.browser
LONG = 60_000.0


def test_a_run_that_another_window_deletes_is_picked_no_more(
    here: Installation, browse: Callable[..., Page]
) -> None:
    runs = [synthetic_runs.ended(here.settings.home / "runs", n, "two").run_id for n in (1, 2)]
    one, other = browse(), browse()
    for page, picked in ((one, runs[:1]), (other, runs)):
        page.goto("/")
        for run_id in picked:
            page.get_by_role("checkbox", name=f"Pick {run_id}").click()
    expect(other.get_by_text("2 picked")).to_be_visible()
    one.get_by_role("button", name="Delete").click()
    expect(one.get_by_role("button", name=f"Undo {runs[0]}")).to_be_visible(timeout=LONG)
    expect(other.get_by_text("1 picked")).to_be_visible(timeout=LONG)
    one.get_by_role("button", name=f"Undo {runs[0]}").click()
    expect(other.get_by_role("link", name=runs[0])).to_be_visible(timeout=LONG)


def test_an_address_without_a_page_is_told_and_leads_back(
    here: Installation, chromium: Browser
) -> None:
    context = chromium.new_context(base_url=background.status(here.settings).url, locale="tr")
    page = context.new_page()
    answer = page.goto("/nothing<b>")
    assert answer.status == 404
    expect(page.get_by_role("heading", name="Böyle bir sayfa yok")).to_be_visible()
    page.get_by_role("link", name="Çalıştırmalar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Çalıştırmalar")
    context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_word_without_an_end_makes_no_page_wider(
    browse: Callable[..., Page], size: tuple[int, int]
) -> None:
    page = browse(size)
    page.goto("/new")
    page.get_by_label("Or a path or URI").fill("/nowhere/" + "x" * 600 + ".csv")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_role("alert").filter(has_text="xxxx").first).to_be_visible(timeout=LONG)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_what_stands_in_a_row_has_one_middle(browse: Callable[..., Page]) -> None:
    page = browse()
    page.goto("/queue")
    pairs = (
        (".k-header .k-brand", ".k-header button"),
        (".k-actions .k-badge", ".k-actions button"),
    )
    for pair in pairs:
        boxes = [page.locator(each).first.bounding_box() for each in pair]
        one, other = (box["y"] + box["height"] / 2 for box in boxes if box)
        assert abs(one - other) <= 1.5, pair


def test_what_folds_says_so_in_the_language_of_the_page(browse: Callable[..., Page]) -> None:
    page = browse(language="tr")
    page.goto("/new")
    expect(page.get_by_role("button", name=re.compile("genişlet")).first).to_be_visible()
    assert page.get_by_role("button", name=re.compile("Expand")).count() == 0


@pytest.mark.parametrize(
    ("path", "name"), [("/runs/nothing", "Runs"), ("/models/x", "Models"), ("/queue", "Queue")]
)
def test_the_navigation_says_where_a_page_belongs(
    browse: Callable[..., Page], path: str, name: str
) -> None:
    page = browse()
    page.goto(path)
    expect(page.locator(".k-nav[aria-current=page]")).to_have_text(re.compile(name))
