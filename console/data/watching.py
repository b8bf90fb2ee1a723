"""What is watched now: one feed per run and per rollout, for however many browsers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakValueDictionary

from console.data.elsewhere import Elsewhere
from console.data.feed import Feed
from console.data.live_quality import Live, live
from console.data.rollout import Watched, Watcher
from console.data.run import Monitored, Watch
from console.data.run_elsewhere import FarWatch
from console.data.runs import Runs
from serving.settings import Settings

RUN_S = 0.5
ROLLOUT_S = 1.0
LIVE_S = 5.0
FAR_S = 30.0
"""So long a program waits for each place that is asked about a run that is not here."""


@dataclass
class Watching:
    """The feeds; one that nobody watches any more is forgotten, with all that it has read."""

    settings: Settings
    runs: Runs
    elsewhere: Elsewhere
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runs: WeakValueDictionary[str, Feed[Monitored]] = field(default_factory=WeakValueDictionary)
    _lives: WeakValueDictionary[str, Feed[Live]] = field(default_factory=WeakValueDictionary)
    _rollouts: WeakValueDictionary[tuple[str, str], Feed[Watched | None]] = field(
        default_factory=WeakValueDictionary
    )

    def run(self, run_id: str) -> Feed[Monitored]:
        """Return the feed of a run, which ends with it."""
        with self._lock:
            found = self._runs.get(run_id)
            if found is None:
                found = Feed(self.watch(run_id).read, RUN_S, over=lambda run: run.over)
                self._runs[run_id] = found
            return found

    def watch(self, run_id: str) -> Watch | FarWatch:
        """Return what reads a run, wherever it is; nothing is read yet."""
        if self.elsewhere.may_have(run_id, self.runs.row(run_id)):
            return FarWatch(self.elsewhere, self.runs, run_id)
        return Watch(self.runs, run_id)

    def now(self, run_id: str) -> Monitored:
        """Return a run as it is; another place is waited for, some time. Raises NotFound."""
        watch = self.watch(run_id)
        return watch.read() if isinstance(watch, Watch) else watch.first(FAR_S)

    def live(self, name: str) -> Feed[Live]:
        """Return the feed of what labels and the watcher say of a service; it does not end."""
        with self._lock:
            found = self._lives.get(name)
            if found is None:
                found = self._lives[name] = Feed(partial(live, self.settings, name), LIVE_S)
            return found

    def rollout(self, service: str, run: str = "") -> Feed[Watched | None]:
        """Return the feed of the rollout that a run began; without one of a service's newest.

        It ends with the rollout where it is a run's, and never where it is a service's: a next one
        may begin there.
        """
        with self._lock:
            found = self._rollouts.get((service, run))
            if found is None:
                watcher = Watcher.of(self.settings, service, run)
                found = Feed(
                    watcher.read, ROLLOUT_S, over=lambda seen: bool(run) and self._over(seen, run)
                )
                self._rollouts[service, run] = found
            return found

    def _over(self, seen: Watched | None, run: str) -> bool:
        """Say whether nothing more comes of a run's rollout: it has ended, or never begins."""
        if seen is not None:
            return seen.over
        row = self.runs.row(run) or self.runs.row(run.rpartition(".")[0])
        return row is None or row.ended
