"""Every action of the console, on the disk before it is done, beside those of the commands."""

from __future__ import annotations

from dataclasses import dataclass

from console.access.roles import Person
from serving.audit import Deed, Log


@dataclass(frozen=True)
class Audit:
    """The record of what people do here (`serving.audit`)."""

    log: Log

    def record(self, person: Person, action: str, subject: str, **detail: object) -> None:
        """Keep who does what to what. Raises PlatformError: what cannot be kept is not done."""
        told = {key: str(value) for key, value in detail.items()}
        who = {"role": str(person.role), "from": person.address}
        self.log.append(Deed(person.name, action, subject, {**who, **told}))
