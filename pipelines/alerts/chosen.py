"""The rules as an installation wants them: `alerts/rules.toml` of the home changes the table's.

[KanaryaSlow]
limit = 1.0              # seconds, as `kanarya alerts rules` shows it
for_s = 900
severity = "critical"

[KanaryaDiskLow]
off = true
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.nearest import instead
from pipelines.alerts.rule import Rule, Severity
from pipelines.alerts.table import BY_NAME
from pipelines.spec_faults import sentences
from serving.errors import UsageError

if TYPE_CHECKING:
    from serving.settings import Settings


class Wish(BaseModel):
    """What is to be different about a rule; what is not given stays."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: float | None = Field(default=None, allow_inf_nan=False)
    for_s: int | None = Field(default=None, ge=0, multiple_of=60)
    severity: Severity | None = None
    off: bool = False

    def of(self, rule: Rule) -> Rule:
        """Return the rule as it is wanted."""
        return replace(rule, **self.model_dump(exclude_none=True, exclude={"off"}))


def path(settings: Settings) -> Path:
    """Return the file of a home's wishes."""
    return settings.home / "alerts" / "rules.toml"


def rules(settings: Settings) -> dict[str, Rule]:
    """Return the rules of a home. Raises UsageError where its file cannot be understood."""
    wishes = _read(path(settings))
    wanted = {name: wishes.get(name, Wish()) for name in BY_NAME}
    return {name: wish.of(BY_NAME[name]) for name, wish in wanted.items() if not wish.off}


def _read(file: Path) -> dict[str, Wish]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file} cannot be read ({error}).") from error
    for name in found:
        if name not in BY_NAME:
            raise UsageError(f"{file}: there is no rule {name!r:.80}; {instead(name, [*BY_NAME])}.")
    return {name: _wish(file, name, value) for name, value in found.items()}


def _wish(file: Path, name: str, value: Any) -> Wish:
    if not isinstance(value, dict):
        raise UsageError(
            f"{file}: {name} is {value!r:.60}; write [{name}], and below it what is to differ."
        )
    try:
        return Wish.model_validate(value)
    except ValidationError as error:
        raise UsageError(f"{file}: {name}: {sentences(Wish, error)}.") from error
