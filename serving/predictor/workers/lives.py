"""Whether, and when, a worker that died is started again."""

from __future__ import annotations

from dataclasses import dataclass, replace

SHORT_S = 10.0
"""A worker that lived less died at once."""
LIMIT = 5
CEILING_S = 5.0


@dataclass(frozen=True)
class Lives:
    """How often in a row a worker died at once; another start costs some milliseconds."""

    short: int = 0

    def after(self, lived_s: float) -> Lives:
        """Return the lives after one more, which lasted `lived_s`."""
        return replace(self, short=self.short + 1 if lived_s < SHORT_S else 0)

    @property
    def is_hopeless(self) -> bool:
        """Whether it makes no sense to start it again."""
        return self.short >= LIMIT

    @property
    def wait_s(self) -> float:
        """How long to wait before the next start: not at all, then 0.5 s, doubling."""
        return 0.0 if self.short < 2 else min(0.25 * 2 ** (self.short - 1), CEILING_S)
