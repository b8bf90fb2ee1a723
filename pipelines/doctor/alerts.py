"""Whether anybody is told when something goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.alerts import chosen, outbox, receivers
from pipelines.doctor.finding import Finding, ok, warning, wrong
from serving.errors import KanaryaError
from serving.settings import Settings

TEST = "kanarya alerts test"
_HOW = f"{receivers.FILE} names a file of addresses"


def findings(settings: Settings, env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield who is told, whether it reaches them, and whether the rules can be understood."""
    try:
        told = [each.name for each in receivers.configured(env)]
        chosen.rules(settings)
        yield ok("alerts", f"told: {', '.join(told)}" if told else f"nobody is told: {_HOW}")
        if outbox.path(settings).is_file():
            yield from _waiting(settings)
    except KanaryaError as error:
        yield wrong("alerts", str(error), TEST)


def _waiting(settings: Settings) -> Iterator[Finding]:
    with outbox.opened(settings) as found:
        standings = found.standings()
    for each in standings:
        if each.waiting and each.failures:
            said = f"{each.name}: {each.waiting} waiting; {each.error}"
            yield warning("alerts", said, TEST)
