"""Everything that pages need from outside, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from console.access.attempts import Attempts
from console.access.audit import Audit
from console.access.guard import Door
from console.access.sessions import Sessions, kept_secret
from console.data.elsewhere import Elsewhere
from console.data.feed import Feed
from console.data.models import Models
from console.data.queue import QueueSeen, Standing
from console.data.run_actions import RunActions
from console.data.runs import Pulse, Runs
from console.data.services import Services
from console.data.watching import Watching
from console.settings import ConsoleSettings
from serving.audit import log_of


@dataclass(frozen=True)
class World:
    """The settings, who may enter, the record of what people did, and what there is to see."""

    settings: ConsoleSettings
    door: Door
    attempts: Attempts
    audit: Audit
    runs: Runs
    elsewhere: Elsewhere
    run_changes: Feed[Pulse]
    """Tells every open table of runs that another look is worth it."""
    run_actions: RunActions
    models: Models
    services: Services
    watching: Watching
    queue: QueueSeen
    queue_changes: Feed[Standing]

    @classmethod
    def of(cls, settings: ConsoleSettings) -> World:
        """Return the world of an installation; its folder and secret are made where missing."""
        sessions = Sessions(kept_secret(settings.folder / "secret"))
        elsewhere = Elsewhere(settings)
        runs = Runs.of(settings.base, elsewhere)
        queue = QueueSeen(settings.base, runs)
        return cls(
            settings=settings,
            door=Door(settings.names, settings.logins, sessions),
            attempts=Attempts(),
            audit=Audit(log_of(settings.base)),
            runs=runs,
            elsewhere=elsewhere,
            run_changes=Feed(runs.pulse),
            run_actions=RunActions(settings.base, runs, elsewhere=elsewhere),
            models=Models(settings.base),
            services=Services(settings.base),
            watching=Watching(settings.base, runs, elsewhere),
            queue=queue,
            queue_changes=Feed(queue.standing, every_s=1.0),
        )
