"""What is wrong with a spec, in sentences: where, which value, what is allowed."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from components.credentials import hidden
from components.nearest import instead

LONGEST = 120
"""Characters of a value that a sentence shows."""


def sentences(spec: type[BaseModel], error: ValidationError) -> str:
    """Return every fault of a document that is no such spec, with its path and value."""
    return "; ".join(_sentence(spec, fault) for fault in error.errors())


def _sentence(spec: type[BaseModel], fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part != "[key]") or "the spec"
    if fault["type"] == "missing":
        return f"{where} is missing"
    if fault["type"] == "extra_forbidden":
        return f"{where} is not a known key{_known(spec, fault['loc'])}"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "string_type" and not isinstance(fault["input"], list | dict | None):
        # What YAML takes for a number, a date or a yes.
        message = "input should be a valid string, put it in quotes"
    given = hidden(repr(fault["input"]))
    given = given if len(given) <= LONGEST else f"{given[:LONGEST]}…"
    shown = "" if isinstance(fault["input"], dict) else f" = {given}"
    return f"{where}{shown}: {message[:1].lower()}{message[1:]}"


def _known(spec: type[BaseModel], location: tuple[Any, ...]) -> str:
    model: Any = spec
    for part in location[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        model = getattr(field, "annotation", None)
    known = list(getattr(model, "model_fields", {}))
    return f"; {instead(str(location[-1]), known)}" if known else ""
