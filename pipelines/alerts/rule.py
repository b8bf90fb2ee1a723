"""What a rule is, and its words: the same for a cluster's Prometheus and for this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pipelines.alerts.units import TEMPLATES, Unit, shown

_FIELD = re.compile(r"\{(\w+)\}")


class Severity(StrEnum):
    """How soon somebody should look: whenever there is time, today, now."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Signal:
    """Something that is measured, of each subject by itself.

    labels  what tells one subject from another
    promql  how Prometheus is asked for it; `enough`: what must hold as well, else too little is
            known
    gauge   the metric that whoever looks here writes for Prometheus, with what it says; "" where
            others export it
    local   whether it can be measured without Prometheus
    """

    name: str
    unit: Unit
    promql: str
    labels: tuple[str, ...] = ()
    enough: str = ""
    gauge: str = ""
    about: str = ""
    local: bool = True


@dataclass(frozen=True)
class Rule:
    """When somebody must be told, and what: `says` what is wrong, `do` what cures it.

    It fires once the signal has been above `limit` (below it, with `below`) for `for_s` seconds.
    In both texts {value} is the signal's, in words, and {model} the label of that name.
    """

    name: str
    signal: Signal
    limit: float
    severity: Severity
    says: str
    do: str
    for_s: int = 0
    below: bool = False

    def holds(self, value: float) -> bool:
        """Say whether a value is on the wrong side of the limit."""
        return value < self.limit if self.below else value > self.limit

    @property
    def expr(self) -> str:
        """Return the rule in PromQL."""
        found = f"{self.signal.promql} {'<' if self.below else '>'} {self.limit}"
        return f"{found} and {self.signal.enough}" if self.signal.enough else found

    def sentence(self, value: float, labels: Mapping[str, str], detail: str = "") -> str:
        """Return what is wrong with a subject, then what to do; `detail` is what else is known."""
        words = {"value": shown(value, self.signal.unit), **labels}
        ended = detail if detail.endswith((".", "?")) or not detail else f"{detail}."
        parts = (_filled(self.says, words), ended, _filled(self.do, words))
        return " ".join(part for part in parts if part)

    def template(self, text: str) -> str:
        """Return `says` or `do` as a template of Prometheus."""
        value = TEMPLATES[self.signal.unit]
        return _FIELD.sub(
            lambda found: value if found[1] == "value" else f"{{{{ $labels.{found[1]} }}}}", text
        )


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Return a text with its fields; a value that has braces itself is taken as it is."""
    return _FIELD.sub(lambda found: words.get(found[1], "?"), text)
