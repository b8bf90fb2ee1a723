"""The watcher in a cluster (`python -m pipelines.watching_cluster`), of one namespace of services.

It does there what `pipelines.watching` does here: looks at the windows of what is live, decides by
the specs in a folder (`KANARYA_SPECS`) and starts runs on Kubeflow Pipelines, looks at the rules,
tells of alerts. Kubeflow, MLflow and the store remember runs and looks; its home has what else must
outlast it: the outbox with the conditions and since when they hold, and decisions that stand.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

from pipelines import monitored, watched_specs, watcher_pages
from pipelines.alerts import delivering, installation, looking, outbox, tracked, traffic
from pipelines.retrain import cluster as retraining
from pipelines.watching import Job, Pulse, watch, watching
from serving.errors import UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.retrain.models import Model
    from pipelines.retrain_spec import Retrain

PORT = "KANARYA_WATCHER_PORT"
HANGS_S = 3600.0
"""A job that is at one piece of work for longer does not come back: the pod is begun anew."""
SOURCES: looking.Sources = {
    partial(traffic.measured, known=tracked.at_the_gate): (*traffic.SIGNALS, "worse"),
    tracked.runs: ("failed_runs",),
    installation.windows: ("drift",),
    installation.retraining: ("not_retrained",),
    installation.undelivered: ("undelivered",),
}
"""What is measured of a cluster; its disks and processes are what Prometheus knows of them."""


def _monitor(settings: Settings, now: datetime) -> None:
    """Look at the windows, by the policies of the specs as they are now."""
    specs = watched_specs.by_name(watched_specs.folder())

    def policy(model: Model) -> Retrain | None:
        return specs[model.name].retrain if model.name in specs else None

    monitored.look_by(settings, policy)


def _retrain(settings: Settings, now: datetime) -> None:
    retraining.look(settings, watched_specs.folder(), now)


def _rules(settings: Settings, now: datetime) -> None:
    looking.look(settings, now, SOURCES)


JOBS: tuple[Job, ...] = (
    Job("monitoring", 60.0, _monitor),
    # Kubeflow sends a run's whole pipeline with each run of a listing.
    Job("retraining", 300.0, _retrain),
    Job("rules", 30.0, _rules),
    Job("alerts", 5.0, delivering.deliver),
)


def port(env: Mapping[str, str]) -> int:
    """Return the port that probes and Prometheus ask. Raises UsageError where it is none."""
    told = env.get(PORT) or "8604"
    if not told.isdecimal() or int(told) > 65535:
        raise UsageError(f"{PORT}: {told!r} is no port; give a number up to 65535")
    return int(told)


def main() -> int:
    """Watch over the services of the environment's namespace; return the exit status."""

    def watched(settings: Settings, stop: Event) -> None:
        watched_specs.folder()
        pulse = Pulse()
        pages = watcher_pages.serve(
            port(os.environ),
            lambda: pulse.hanging(HANGS_S),
            outbox.path(settings).parent,
        )
        Thread(target=pages.serve_forever, name="pages", daemon=True).start()
        try:
            watch(settings, JOBS, stop, pulse)
        finally:
            pages.shutdown()

    return watching(watched)


if __name__ == "__main__":
    sys.exit(main())
