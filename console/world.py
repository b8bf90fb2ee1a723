"""Everything that pages need from outside, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.access.attempts import Attempts
from console.access.audit import Audit
from console.access.guard import Door
from console.access.sessions import Sessions
from console.data.deleted import Deleted
from console.data.elsewhere import Elsewhere
from console.data.feed import Feed
from console.data.runs import Pulse, Runs
from console.lately import lately
from console.settings import ConsoleSettings
from serving.audit import log_of

if TYPE_CHECKING:
    from console.data.alerts import Alerts
    from console.data.alerts import Standing as AlertsStanding
    from console.data.models import Models
    from console.data.queue import QueueSeen, Standing
    from console.data.run_actions import RunActions
    from console.data.services import Services
    from console.data.watching import Watching


@dataclass(frozen=True)
class World:
    """The settings, who may enter, the record of what people did, and what there is to see.

    What the page of all runs does not need is imported and made when it is asked for.
    """

    settings: ConsoleSettings
    door: Door
    attempts: Attempts
    audit: Audit
    runs: Runs
    elsewhere: Elsewhere
    run_changes: Feed[Pulse]
    """Tells every open table of runs that another look is worth it."""
    deleted: Deleted

    @classmethod
    def of(cls, settings: ConsoleSettings) -> World:
        """Return the world of an installation; its folder and secret are made where missing."""
        sessions = Sessions.kept(settings.folder)
        elsewhere = Elsewhere(settings)
        runs = Runs.of(settings.base, elsewhere)
        return cls(
            settings=settings,
            door=Door(settings.names, settings.logins, sessions),
            attempts=Attempts(),
            audit=Audit(log_of(settings.base)),
            runs=runs,
            elsewhere=elsewhere,
            run_changes=Feed(runs.pulse),
            deleted=Deleted(settings.base, runs),
        )

    @lately
    def run_actions(self) -> RunActions:
        """Return what may be done to runs."""
        from console.data.run_actions import RunActions

        return RunActions(self.settings.base, self.runs, self.deleted, self.elsewhere)

    @lately
    def models(self) -> Models:
        """Return the registered models."""
        from console.data.models import Models

        return Models(self.settings.base)

    @lately
    def services(self) -> Services:
        """Return the InferenceServices."""
        from console.data.services import Services

        return Services(self.settings.base)

    @lately
    def watching(self) -> Watching:
        """Return the runs and rollouts that somebody watches."""
        from console.data.watching import Watching

        return Watching(self.settings.base, self.runs, self.elsewhere)

    @lately
    def queue(self) -> QueueSeen:
        """Return the queue."""
        from console.data.queue import QueueSeen

        return QueueSeen(self.settings.base, self.runs)

    @lately
    def queue_changes(self) -> Feed[Standing]:
        """Return how the queue is doing, for all who watch."""
        return Feed(self.queue.standing, every_s=1.0)

    @lately
    def alerts(self) -> Alerts:
        """Return what is wrong, and who is told."""
        from console.data.alerts import Alerts

        return Alerts(self.settings.base)

    @lately
    def alert_changes(self) -> Feed[AlertsStanding]:
        """Return the alerts, for all who watch; the rules are looked at once a minute."""
        return Feed(self.alerts.standing, every_s=2.0)
