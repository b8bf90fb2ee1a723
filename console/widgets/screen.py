"""One visit of one person to one page: who, in which language, and what they may do."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request
from nicegui import background_tasks, ui

from console.access.guard import cookie_of
from console.access.roles import Person, Role
from console.data.times import duration
from console.slowly import slowly
from console.texts import Texts, Told, asked_in
from console.world import World
from serving.errors import KanaryaError, UsageError

T = TypeVar("T")
LOG = logging.getLogger("kanarya.console")
THEME_COOKIE = "kanarya_theme"
THEMES = {"auto": None, "light": False, "dark": True}


class Said(UsageError):
    """A sentence of the catalogue, in the language of the page already."""


@dataclass(frozen=True)
class Screen:
    """What a page is given; `params` are the parts of its path, `query` what follows the `?`."""

    world: World
    person: Person
    texts: Texts
    theme: str
    params: dict[str, Any]
    query: dict[str, str]
    path: str
    session: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Request, world: World) -> Screen:
        """Return the screen of a request that the guard let through."""
        cookies = request.cookies
        theme = cookies.get(THEME_COOKIE, "auto")
        return cls(
            world=world,
            person=request.state.person,
            texts=asked_in(cookies, request.headers),
            theme=theme if theme in THEMES else "auto",
            params=dict(request.path_params),
            query=dict(request.query_params),
            path=request.url.path,
            session=cookie_of(request.headers),
            cookies=dict(cookies),
        )

    def say(self, key: str, **places: object) -> str:
        """Return a sentence of the catalogue."""
        return self.texts.say(key, **places)

    def told(self, sentence: str | Exception) -> Told:
        """Return what the engine says, in the language of the page where that is known."""
        if isinstance(sentence, Said):
            return Told(str(sentence), self.texts.language)
        return self.texts.told(str(sentence))

    def lasting(self, seconds: float) -> str:
        """Return a duration, in the units of the page's language."""
        return self.texts.units(duration(seconds))

    def tell(self, label: ui.label, sentence: str | Exception) -> None:
        """Show what the engine says; English on another page is marked for who has it read out."""
        told = self.told(sentence)
        label.set_text(told.text)
        label.props.set_optional("lang", self.foreign(told))

    def tell_all(self, label: ui.label, sentences: tuple[str, ...]) -> None:
        """Show several sentences of the engine, and nothing at all where there are none."""
        told = [self.told(each) for each in sentences]
        label.set_text(" ".join(each.text for each in told))
        label.props.set_optional("lang", next(filter(None, map(self.foreign, told)), None))
        label.set_visibility(bool(told))

    def foreign(self, told: Told) -> str | None:
        """Return the language of a sentence that is not the page's, else None."""
        return told.language if told.language != self.texts.language else None

    def notify(self, sentence: str | Exception, level: str = "negative") -> None:
        """Show what the engine says for a while."""
        told = self.told(sentence)
        attributes: dict[str, Any] = {"attrs": {"lang": told.language}}
        ui.notify(told.text, type=level, multi_line=True, timeout=10_000, **attributes)  # type: ignore[arg-type]

    @property
    def operates(self) -> bool:
        """Say whether this person may change anything."""
        return self.person.role.may(Role.OPERATOR)

    @property
    def administers(self) -> bool:
        """Say whether this person may see what others did."""
        return self.person.role.may(Role.ADMIN)

    def still_here(self) -> bool:
        """Say whether the session that opened the page is good for actions still."""
        door = self.world.door
        return not door.logins or door.sessions.person(self.session) is not None

    async def act(
        self, action: str, subject: str, do: Callable[[], T], **detail: object
    ) -> T | None:
        """Do something beside all else, recorded first; None, and a sentence, where it is refused.

        An open page outlives a logout and a change of roles, so both are asked again here.
        """
        if not self.still_here():
            ui.notify(self.say("frame.logged_out"), type="warning")
            return None
        if not self.operates:
            sentence = self.say("frame.forbidden", name=self.person.name)
            ui.notify(sentence, type="warning")
            return None

        def recorded() -> T:
            self.world.audit.record(self.person, action, subject, **detail)
            return do()

        try:
            return await slowly(recorded)
        except (KanaryaError, OSError) as error:
            self.notify(error)
        except Exception:  # noqa: BLE001 - whoever clicked is told, and the log has it
            self.notify(self.broken(f"{action} {subject}"))
        return None

    def broken(self, what: str) -> Said:
        """Write the error that is being handled into the log; return what may be said of it."""
        mark = secrets.token_hex(4)
        LOG.exception("%s broke (%s)", what, mark)
        return Said(self.say("frame.broken", mark=mark))

    def follow(
        self, snapshots: AsyncIterator[T], show: Callable[[T], Awaitable[None] | None]
    ) -> None:
        """Show every snapshot as it comes, until they end or this browser is gone.

        The first is part of the page; the others are not drawn while no browser would get them,
        and one that comes back gets the newest.
        """
        client = ui.context.client
        slot = ui.context.slot
        here = asyncio.Event()
        client.on_connect(here.set)

        async def showing() -> None:
            async for snapshot in snapshots:
                with slot:
                    shown = show(snapshot)
                    if shown is not None:
                        await shown
                while not client.has_socket_connection:
                    here.clear()
                    await here.wait()

        async def told() -> None:
            try:
                await showing()
            except (KanaryaError, OSError) as error:  # what was watched is gone: deleted, say
                with slot:
                    self.notify(error, "warning")

        task = background_tasks.create(told(), name=f"follow {self.path}")
        client.on_delete(task.cancel)


def remember(cookie: str, value: str) -> None:
    """Keep a choice in the browser, and load the page anew."""
    said = f"{cookie}={value}; path=/; max-age=31536000; SameSite=Strict"
    ui.run_javascript(f"document.cookie = {said!r}; location.reload()")
