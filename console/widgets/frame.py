"""What surrounds every page: header, navigation, language, theme, and its errors as sentences."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass

from fastapi import Request
from nicegui import background_tasks, ui
from nicegui.language import Language
from nicegui.translations import translations

from console.texts import LANGUAGE_COOKIE, LANGUAGES, Texts
from console.widgets.screen import THEME_COOKIE, THEMES, Screen, remember
from console.world import World
from serving.errors import KanaryaError

Build = Callable[[Screen], Awaitable[None]]
SOON_S = 2.0
"""So long a page is held back to be sent whole: nothing moves then while it is filled."""
PACKS: Mapping[str, Language] = {"tr": "tr"}
"""Where NiceGUI and Quasar say what they say themselves, of what folds, not in English."""
COLOURS = {"primary": "#2f6690", "accent": "#b07d00", "positive": "#1a7f4b", "negative": "#b93a26"}
NAVIGATION = (
    ("/", "nav.runs", "list"),
    ("/new", "nav.new", "add_circle"),
    ("/models", "nav.models", "category"),
    ("/services", "nav.services", "swap_horiz"),
    ("/queue", "nav.queue", "pending_actions"),
    ("/alerts", "nav.alerts", "notifications"),
)
OF_RUNS = ("/runs", "/compare")
"""Pages below the list of runs."""
ADMINISTRATION = (("/audit", "nav.audit", "history"),)


@dataclass(frozen=True)
class Page:
    """A page: its path, the key of its title, and its module among `console.pages`.

    `scripts`: files of static/ that it needs; a script that a page adds once it was sent, as what
    takes long is, would stand there and not be run.
    """

    path: str
    title: str
    module: str
    scripts: tuple[str, ...] = ()

    def load(self) -> Build:
        """Return the function that fills it; its module is imported where that was not done yet."""
        build: Build = importlib.import_module(f"console.pages.{self.module}").build
        return build


def translate_frame() -> None:
    """Give NiceGUI what it says of the connection, in the languages of the console."""
    for language, pack in PACKS.items():
        said = Texts(language)
        translations[pack] = {key: said.say(f"frame.{key}") for key in translations["en-US"]}


def mount(page: Page, world: World) -> None:
    """Answer a path with a page in its frame."""

    async def visit(request: Request) -> None:
        screen = Screen.of(request, world)
        with _frame(screen, page):
            await _within(screen, _filled(screen, page))

    ui.page(page.path, response_timeout=30)(visit)


async def _within(screen: Screen, filling: Coroutine[None, None, None]) -> None:
    """Fill the page; where that takes long, show what there is and fill in the rest as it comes."""
    client = ui.context.client
    task = background_tasks.create(filling, name=f"fill {screen.path}", context=ui.context.slot)
    client.on_delete(task.cancel)
    done, _ = await asyncio.wait([task], timeout=SOON_S)
    if done:
        return
    waits = ui.label(screen.say("frame.waits")).classes("k-wait").props('role="status"')
    await client.connected()  # which sends the page
    await asyncio.wait([task])
    if not client.is_deleted:
        waits.delete()


async def _filled(screen: Screen, page: Page) -> None:
    try:
        build = await asyncio.to_thread(page.load)
        await build(screen)
    except (KanaryaError, OSError) as error:
        message(screen, error)
    except Exception:  # noqa: BLE001 - a page must not show its insides; the log has them
        message(screen, screen.broken(page.path))


def message(screen: Screen, sentence: Exception, level: str = "bad") -> None:
    """Show one sentence where something would have stood."""
    with ui.card().classes("k-card").props('role="alert"'):
        screen.tell(ui.label().classes(f"k-{level}"), sentence)


@contextmanager
def _frame(screen: Screen, page: Page) -> Iterator[None]:
    _of_libraries(screen.texts.language)
    ui.page_title(f"{screen.say(page.title)} · Kanarya")
    ui.add_head_html(
        '<link rel="stylesheet" href="/static/console.css">'
        f"<script>document.documentElement.lang = {screen.texts.language!r}</script>"
        + "".join(f'<script src="/static/{name}" defer></script>' for name in page.scripts)
    )
    ui.colors(**COLOURS)
    ui.dark_mode(THEMES[screen.theme])
    drawer = _navigation(screen)
    _header(screen, drawer)
    with ui.element("div").classes("k-main") as content:
        ui.skip_link(screen.say("frame.skip"), target=content)
        ui.html(f"<h1>{screen.say(page.title)}</h1>", sanitize=False)
        yield


def _of_libraries(language: str) -> None:
    if language in PACKS:
        client = ui.context.client
        client.page = copy(client.page)  # which all visits of this page share
        client.page.language = PACKS[language]


def _header(screen: Screen, drawer: ui.left_drawer) -> None:
    with ui.header(elevated=False).classes("k-header items-center no-wrap"):
        button = ui.button(icon="menu", on_click=drawer.toggle).props("flat round color=grey-7")
        button.props(f'aria-label="{screen.say("frame.menu")}"')
        with ui.link(target="/").classes("k-brand"):
            ui.html('<img src="/static/kanarya.svg" width="28" height="28" alt="">', sanitize=False)
            ui.label("Kanarya")
        ui.space()
        _choice(screen, "language", LANGUAGE_COOKIE, LANGUAGES, screen.texts.language)
        themes = {name: screen.say(f"frame.theme.{name}") for name in THEMES}
        _choice(screen, "contrast", THEME_COOKIE, themes, screen.theme)
        if screen.world.door.logins:
            _person(screen)


def _choice(screen: Screen, icon: str, cookie: str, options: dict[str, str], chosen: str) -> None:
    label = screen.say("frame.language" if icon == "language" else "frame.theme")
    with ui.button(icon=icon).props(f'flat round color=grey-7 aria-label="{label}"'), ui.menu():
        for value, text in options.items():
            item = ui.menu_item(text, lambda value=value: remember(cookie, value))
            item.props(f'aria-current="{"true" if value == chosen else "false"}"')


def _person(screen: Screen) -> None:
    role = screen.say(f"frame.{screen.person.role}")
    with ui.button(icon="person").props(f'flat round color=grey-7 aria-label="{role}"'), ui.menu():
        ui.menu_item(f"{screen.person.name} ({role})").props("disable")
        ui.menu_item(screen.say("frame.logout"), lambda: ui.navigate.to("/logout"))


def _navigation(screen: Screen) -> ui.left_drawer:
    drawer = ui.left_drawer(bordered=False).classes("k-drawer").props("width=220 breakpoint=1024")
    # It asks every browser whether it is open, and logs a traceback where one leaves at once.
    drawer.client.connect_handlers.pop()
    with drawer, ui.element("nav").props(f'aria-label="{screen.say("frame.menu")}"'):
        for path, key, icon in (*NAVIGATION, *(ADMINISTRATION if screen.administers else ())):
            link = ui.link(target=path).classes("k-nav")
            if _part_of(screen.path) == path:
                link.props('aria-current="page"')
            with link:
                ui.icon(icon, size="1.4rem").classes("q-mr-sm").props('aria-hidden="true"')
                ui.label(screen.say(key))
    return drawer


def _part_of(path: str) -> str:
    """Return the address in the navigation that a page belongs to."""
    first = f"/{path.split('/')[1]}"
    return "/" if first in OF_RUNS else first
