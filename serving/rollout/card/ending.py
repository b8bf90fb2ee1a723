"""How a rollout ended, and what can be done about it: in a word, a sentence and commands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.rollout.card import words

LEVELS = {
    "promoted": "good",
    "rolled_back": "bad",
    "failed": "bad",
    "held": "wait",
    "conflict": "wait",
    "under_way": "wait",
}
REMEDY = {"held": "What can be done now", "under_way": "What can be done now"}
"""The title of `undo` where nothing has been decided yet."""
_BY_HAND, _SAID_BY_HAND = ("resumed", "approved", "paused"), ("by hand", "a person approved")
"""Kinds of records that only people cause, and what the others say where one did."""


def word(decision: Mapping[str, Any]) -> str:
    """Return the outcome in a word or two."""
    return words.word(decision["outcome"]).capitalize()


def sentence(decision: Mapping[str, Any]) -> str:
    """Return what was decided, and why."""
    why = str(decision["reason"]).strip().rstrip(".")
    name = f"{words.model(decision['to'])} "
    why = f"it {why.removeprefix(name)}" if why.startswith(name) else why
    return f"{_what(decision)}{f': {why}' if why else ''}."


def _what(decision: Mapping[str, Any]) -> str:
    to, before = words.model(decision["to"]), decision["from"]
    new, old, share = to[:1].upper() + to[1:], words.model(before), _share(decision)
    match decision["outcome"]:
        case "promoted" if before:
            back = "is back in the place of" if decision["undo"] else "took over from"
            return f"{new} {back} {old}"
        case "promoted":
            return f"{new} has all of the traffic"
        case "rolled_back":
            return f"{new} was taken out of the traffic, {old} has all of it"
        case "failed":
            return f"{new} did not go live, and nothing was live before it"
        case "held":
            return f"{new} stays at {share} beside {old} until a person decides"
        case "conflict":
            return f"{new} gave way, since somebody else was first"
    return f"{new} is under way with {share}"


def _share(decision: Mapping[str, Any]) -> str:
    percent = decision["timeline"][-1]["percent"]
    return "its share of the traffic" if percent is None else f"{percent} % of the traffic"


def people(decision: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what people decided of it, and who they were."""
    return tuple(
        f"{words.moment(m['at'])}: {words.word(m['kind'])} by {m['actor']} ({m['why']})"
        for m in decision["timeline"]
        if m["kind"] in _BY_HAND or any(said in m["why"] for said in _SAID_BY_HAND)
    )


def undo(decision: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return how it can be undone or decided: what to say of it, and commands with their effect."""
    service, before = decision["service"], words.model(decision["from"])
    resume, promote, abort, watch = (
        f"kanarya rollout {verb} {service}" for verb in ("resume", "promote", "abort", "watch")
    )
    match decision["outcome"]:
        case "promoted" if decision["from"]:
            back = f"gives {before} all of the traffic again, after comparing its bytes"
            return "", ((decision["commands"]["undo"], back),)
        case "promoted":
            return "Nothing was live before it, so there is nothing to go back to.", ()
        case "held":
            return "", (
                (resume, "goes on with the step that it is held at"),
                (promote, "gives it all of the traffic now"),
                (abort, f"gives {before} all of the traffic back"),
            )
        case "under_way":
            return "", (
                *_asked_for(decision),
                (watch, "follows it"),
                (resume, "goes on with it where it was paused, or its process is gone"),
                (abort, f"gives {before} all of the traffic back"),
            )
    return f"There is nothing to undo: {_kept(decision)}.", ()


def _asked_for(decision: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the command that a rollout waits for, where it waits for a person's approval."""
    if decision["timeline"][-1]["kind"] != "awaiting_approval":
        return ()
    return ((f"kanarya rollout approve {decision['service']}", "lets it enter the next step"),)


def _kept(decision: Mapping[str, Any]) -> str:
    if decision["outcome"] == "conflict":
        return "it changed nothing since it gave way"
    before = decision["from"]
    return f"{words.model(before)} has all of the traffic" if before else "nothing is live"
