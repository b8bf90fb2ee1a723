"""A person's word that a model is not to be trained again by itself: `monitor/<name>/paused`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving.settings import Settings


def path(settings: Settings, name: str) -> Path:
    """Return the file that is there while it is paused."""
    return settings.home / "monitor" / name / "paused"


def pause(settings: Settings, name: str, by: str) -> None:
    """Start none by itself from now on."""
    file = path(settings, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(by + "\n", encoding="utf-8")


def resume(settings: Settings, name: str) -> None:
    """Start them again."""
    path(settings, name).unlink(missing_ok=True)


def paused_by(settings: Settings, name: str) -> str:
    """Return who has paused it, "" where nobody has."""
    try:
        return path(settings, name).read_text(encoding="utf-8").strip() or "somebody"
    except FileNotFoundError:
        return ""
