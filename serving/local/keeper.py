"""A platform that was killed comes back: whoever lives beside it looks after it."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from serving.errors import PlatformError
from serving.local import platform, record
from serving.settings import Settings

LOOK_S, LONGEST_S = 1.0, 30.0
"""Between two looks at whether it lives; one that cannot start is tried ever more seldom."""

log = logging.getLogger(__name__)


@dataclass
class Keeper:
    """Begins a killed platform again at its ports; the supervisor of the queue asks it to look.

    One that ended in order, by `kanarya down` or SIGTERM, has left no record and stays ended.
    """

    settings: Settings
    _not_before: float = 0.0
    _pause_s: float = LOOK_S
    _starting: threading.Thread | None = field(default=None, repr=False)

    def look(self) -> None:
        """Begin the platform again where it was killed; it is not waited for."""
        now = time.monotonic()
        if now < self._not_before or (self._starting and self._starting.is_alive()):
            return
        self._not_before = now + LOOK_S
        left = record.read(self.settings)
        if left is None or left.process.lives():
            self._pause_s = LOOK_S
            return
        log.warning("the platform (pid %d) was killed; it is begun again", left.pid)
        self._not_before = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_S)
        self._starting = threading.Thread(target=self._begin_again, daemon=True)
        self._starting.start()

    def _begin_again(self) -> None:
        try:
            platform.again(self.settings)
        except (PlatformError, OSError) as error:  # its port is another's, say; it is tried again
            log.error("%s", error)
