"""A question to the live model: a form made from its signature, and which version answered."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from typing import Any

from nicegui import events, ui

from console.data.asking import MOST_FIELDS, Answer, Field, ask, example, fields
from console.data.versions import CHAMPION, Model
from console.widgets.parts import heading, milliseconds, percent
from console.widgets.screen import Said, Screen
from serving.card import Card
from serving.errors import KanaryaError, UsageError

TIMES = (1, 20, 100)
MOST_SHARES = 8
LARGEST_PICTURE = 8 << 20


class TryIt:
    """The form on the left, the answer on the right; nothing where no version can be asked."""

    def __init__(self, screen: Screen, model: Model) -> None:
        self._screen, self._model = screen, model
        self._inputs: dict[str, Any] = {}
        self._kinds: dict[str, Field] = {}
        self._picture: str | None = None
        self._json: ui.textarea | None = None

    async def build(self) -> None:
        """Show the form of the live version."""
        live = self._model.alias(CHAMPION)
        heading(self._screen.say("try.title"))
        if live is None:
            ui.label(self._screen.say("try.nothing_live")).classes("k-quiet")
            return
        try:
            models = self._screen.world.models
            card = await asyncio.to_thread(models.card, live.name, live.version)
        except KanaryaError as error:
            self._screen.tell(ui.label().classes("k-wait"), error)
            return
        ui.label(self._screen.say("try.about")).classes("k-quiet q-mb-sm")
        with ui.element("div").classes("k-try"):
            with ui.element("div"):
                self._form(card)
                self._buttons()
            self._answer = Answered(self._screen)

    def _form(self, card: Card) -> None:
        found = fields(card.signature)
        if card.signature.image:
            self._upload(str(card.signature.image))
        elif len(found) > MOST_FIELDS:
            text = json.dumps(example(card.signature), indent=1, ensure_ascii=False)
            label = self._screen.say("try.json", count=len(found))
            self._json = ui.textarea(label, value=text).props("outlined").classes("k-mono")
        else:
            with ui.element("div").classes("k-form"):
                for field in found:
                    self._kinds[field.name] = field
                    self._inputs[field.name] = self._input(field)

    def _input(self, field: Field) -> Any:
        if field.options:
            made: Any = ui.select(list(field.options), value=_shown(field.start), with_input=True)
            if field.kind == "text":
                made.props("new-value-mode=add-unique")
        elif field.kind == "text":
            made = ui.input(value=_shown(field.start))
        else:
            made = ui.number(value=field.start).props("step=any")  # type: ignore[arg-type]
        made.props("outlined dense clearable" if field.nullable else "outlined dense")
        made.props["label"] = field.name
        if field.low is not None:
            hint = self._screen.say("try.seen", low=f"{field.low:g}", high=f"{field.high or 0:g}")
            made.props["hint"] = hint
        return made

    def _upload(self, shape: str) -> None:
        async def chosen(event: events.UploadEventArguments) -> None:
            self._picture = base64.b64encode(await event.file.read()).decode()

        label = self._screen.say("try.picture", shape=shape)
        upload = ui.upload(label=label, auto_upload=True, max_file_size=LARGEST_PICTURE)
        upload.on_upload(chosen).props("flat bordered accept='image/*'")

    def _buttons(self) -> None:
        with ui.element("div").classes("k-actions"):
            for times in TIMES:
                key = "try.once" if times == 1 else "try.times"
                button = ui.button(self._screen.say(key, times=times))
                look = "unelevated color=primary" if times == 1 else "outline color=primary"
                button.props(f"no-caps {look}")
                button.on_click(lambda times=times, button=button: self._asked(times, button))
                button.set_enabled(self._screen.operates)
        if not self._screen.operates:
            sentence = self._screen.say("frame.forbidden", name=self._screen.person.name)
            ui.label(sentence).classes("k-quiet")

    async def _asked(self, times: int, button: ui.button) -> None:
        try:
            instance = self._instance()
        except UsageError as error:
            self._screen.notify(error, "warning")
            return
        button.props("loading").disable()
        name = self._model.name
        told = await self._screen.act(
            "predict", name, lambda: self._several(instance, times), times=times
        )
        button.props(remove="loading").enable()
        if told:
            self._answer.show(told)

    def _several(self, instance: dict[str, Any], times: int) -> list[Answer]:
        view = self._screen.world.services.view(self._model.name)
        if not view.url:
            raise Said(self._screen.say("try.no_address", name=self._model.name))
        return [ask(view.url, self._model.name, instance) for _ in range(times)]

    def _instance(self) -> dict[str, Any]:
        """Return what is asked about. Raises UsageError with what is missing."""
        if self._json is not None:
            return _parsed(str(self._json.value))
        if not self._inputs:
            if self._picture is None:
                raise Said(self._screen.say("try.no_picture"))
            return {"b64": self._picture}
        return {name: _cell(self._kinds[name], each.value) for name, each in self._inputs.items()}


class Answered:
    """What the model answered; empty until it is asked."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._place = ui.element("div").classes("k-answer").props('role="status"')
        with self._place:
            ui.label(screen.say("try.empty")).classes("k-quiet")

    def show(self, answers: list[Answer]) -> None:
        """Show the last answer, and who gave how many of them."""
        last, say = answers[-1], self._screen.say
        self._place.clear()
        with self._place:
            ui.label(last.prediction).classes("k-said")
            for label, share in last.shares[:MOST_SHARES]:
                with ui.element("div").classes("k-share"):
                    ui.label(label)
                    bar = ui.element("progress")
                    bar.props.update(max="1", value=f"{share:.4f}", **{"aria-label": label})
                    ui.label(self._screen.texts.percents(percent(share))).classes("k-number")
            took = milliseconds(sorted(each.seconds for each in answers)[len(answers) // 2])
            for (version, revision), count in Counter(
                (each.version or "?", each.revision or "?") for each in answers
            ).most_common():
                places = {"version": version, "revision": revision, "count": count}
                ui.label(say("try.by", **places, total=len(answers)))
            ui.label(say("try.took", time=took)).classes("k-quiet")
            with ui.expansion(say("try.raw")).props("dense").classes("full-width"):
                ui.label(last.body[:4000]).classes("k-mono").style("white-space: pre-wrap")


def _shown(start: object) -> str:
    return str(start).lower() if isinstance(start, bool) else str(start)


def _cell(field: Field, value: object) -> object:
    """Return what the model is sent for what stands in a field."""
    if value is None or value == "":
        return None if field.nullable or field.kind != "text" else ""
    if field.kind == "boolean":
        return value == "true"
    if field.kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"this is no JSON ({error}); give one row as an object") from error
    if not isinstance(found, dict):
        raise UsageError(f"this is {text[:40]!r}; give one row as a JSON object")
    return found
