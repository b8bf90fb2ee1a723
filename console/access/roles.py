"""Two roles: a viewer reads, an operator also starts, steers and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; an operator may do all that a viewer may."""

    VIEWER = "viewer"
    OPERATOR = "operator"

    def may(self, needed: Role) -> bool:
        """Say whether this role is enough where `needed` is asked for."""
        return self is Role.OPERATOR or needed is Role.VIEWER


@dataclass(frozen=True)
class Person:
    """Somebody who asks: as whom, with which role, from which address."""

    name: str
    role: Role
    address: str = ""
