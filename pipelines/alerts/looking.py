"""Looking at the rules: what is measured here, what follows of it, gauges of it for Prometheus."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.alerts import chosen, gauges, installation, outbox, traffic
from pipelines.alerts.deciding import Decided, Measured, Unknown, decide
from pipelines.alerts.outbox import Outbox
from pipelines.alerts.rule import Rule
from pipelines.alerts.table import BY_NAME
from serving.errors import KanaryaError, UsageError

if TYPE_CHECKING:
    from serving.settings import Settings

Source = Callable[["Settings", Outbox, datetime], Iterator[Measured | Unknown]]
Sources = Mapping[Source, tuple[str, ...]]
"""What measures, and the signals of which nothing is known where it fails."""
SOURCES: Sources = {
    traffic.measured: (*traffic.SIGNALS, "worse"),
    installation.disk: ("disk_free",),
    installation.backup: ("backup_age",),
    installation.processes: ("down",),
    installation.runs: ("failed_runs",),
    installation.windows: ("drift",),
    installation.retraining: ("not_retrained",),
    installation.undelivered: ("undelivered",),
}
"""What is measured of this machine."""

log = logging.getLogger(__name__)


def look(settings: Settings, now: datetime, sources: Sources = SOURCES) -> Decided:
    """Look at every rule at the moment `now`; what must be told is in the outbox afterwards.

    A source that fails leaves its conditions as they are. Raises AlertError where the outbox cannot
    be used: then nothing is decided, and the next look decides it.
    """
    with outbox.opened(settings) as opened:
        found = [
            each
            for source, signals in sources.items()
            for each in _measured(source, signals, settings, opened, now)
        ]
        decided = decide(_rules(settings), found, opened.before(), now)
        opened.take(decided)
    for alert in decided.alerts:
        log.info("%s: %s", alert.rule, alert.sentence)
    measured = [each for each in found if isinstance(each, Measured)]
    gauges.write(outbox.path(settings).parent, measured, now.timestamp())
    return decided


def _rules(settings: Settings) -> dict[str, Rule]:
    """Return the rules of the home; a file that cannot be understood changes none of them."""
    try:
        return chosen.rules(settings)
    except UsageError as error:
        log.error("%s The rules are as they would be without it.", error)
        return BY_NAME


def _measured(
    source: Source, signals: Sequence[str], settings: Settings, opened: Outbox, now: datetime
) -> Sequence[Measured | Unknown]:
    try:
        return [*source(settings, opened, now)]
    except (KanaryaError, OSError) as error:
        log.warning("%s", error)
        return [Unknown(name, str(error)) for name in signals]
