"""The console as `kanarya up` starts it: in the background, begun again at the same address."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from console.settings import PORT_VARIABLE
from pipelines import background
from pipelines.background import Background, Standing

if TYPE_CHECKING:
    from serving.settings import Settings

SWITCH = "KANARYA_CONSOLE"
CONSOLE = Background("console", (sys.executable, "-P", "-m", "console"), SWITCH)

up, down, status, wanted = CONSOLE.up, CONSOLE.down, CONSOLE.status, CONSOLE.wanted
note, noted = CONSOLE.note, CONSOLE.noted


def keeper(settings: Settings) -> background.Keeper:
    """Return what begins a killed console again; open pages find it where it was."""
    return background.Keeper(CONSOLE, settings, _where_it_was)


def _where_it_was(killed: Standing) -> Mapping[str, str]:
    return {PORT_VARIABLE: str(urlsplit(killed.url).port)}
