"""A question before nobody is told of something any more: how long, and why."""

from __future__ import annotations

from nicegui import ui

from console.widgets.screen import Screen
from pipelines.alerts.silencing import ALL, LONGEST_WHY, Quiet

HOURS = (1, 2, 8, 24, 72, 168)
USUAL_H = 2


async def silence_dialog(screen: Screen, rule: str, subject: str) -> Quiet | None:
    """Ask for how long and why; None where it is to be told after all."""
    about = " ".join(
        filter(None, (screen.say("alerts.every_rule") if rule == ALL else rule, subject))
    )
    with ui.dialog() as dialog, ui.card().classes("k-card k-dialog"):
        ui.label(screen.say("alerts.silence_what", what=about)).classes("text-h6")
        ui.label(screen.say("alerts.silence_after")).classes("k-quiet")
        choices = {each: screen.say("alerts.hours", count=each) for each in HOURS}
        hours = ui.select(choices, value=USUAL_H, label=screen.say("alerts.how_long"))
        why = (
            ui.input(screen.say("alerts.why"))
            .props(f"maxlength={LONGEST_WHY}")
            .classes("full-width")
        )
        hours.classes("full-width")

        def asked() -> None:
            dialog.submit(Quiet(rule, subject, float(hours.value), why.value.strip()))

        with ui.row().classes("full-width justify-end"):
            ui.button(screen.say("frame.cancel"), on_click=dialog.close).props("flat no-caps")
            ui.button(screen.say("alerts.silence"), on_click=asked).props("unelevated no-caps")
    said: Quiet | None = await dialog
    dialog.delete()
    return said
