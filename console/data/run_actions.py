"""What is done to runs: once more, ended, deleted and brought back; each as the command does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.data.child import in_child
from console.data.deleted import Deleted
from console.data.elsewhere import Elsewhere
from console.data.run_uses import Registry, uses
from console.data.runs import Runs
from pipelines import again
from pipelines.enqueue import enqueue
from pipelines.queue import Queue, path
from pipelines.run_row import CLUSTER, HERE, KILLED, Row
from serving.errors import NotFound, UsageError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.asked import Asked
    from pipelines.cluster_place import Place
    from pipelines.cluster_start import Begun

NO_CLUSTER = "no cluster is known here: begin the console with KFP_HOST, Kubeflow's address, set"


class RunActions:
    """What may be done to the runs of one home; every method is for a thread of its own."""

    def __init__(
        self,
        settings: Settings,
        runs: Runs,
        deleted: Deleted | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.settings, self.runs = settings, runs
        self.deleted = deleted or Deleted(settings, runs)
        self.elsewhere = elsewhere

    def restart(self, run_id: str, by: str, *, accept_new_data: bool = False) -> str:
        """Queue a run once more, on its data; return the id of the new one.

        A cluster's is started there. Raises NotFound, UsageError as `pipelines.again` does, and
        ClusterError where a cluster refuses.
        """
        if self.is_far(run_id):
            return self._again_there(run_id)
        asked, _ = again.restart(self._folder(run_id), accept_new_data=accept_new_data)
        return self._queued(enqueue(self.settings, asked, by=by))

    def start_there(self, asked: Asked, *, upload_data: bool) -> Begun:
        """Start a run on the cluster; with `upload_data` its data is copied to the model store.

        Raises UsageError for data that no pod can read, ClusterError where it is refused.
        """
        from pipelines import cluster_start
        from pipelines.cluster_start import Filed

        place = self.elsewhere.settings.cluster if self.elsewhere else None
        if place is None:
            raise UsageError(NO_CLUSTER)
        filed = Filed(upload_data=upload_data)
        begun = in_child(self.settings, cluster_start.begin, place, asked, filed, limit_s=None)
        self._changed_there()
        return begun

    def compose(
        self, data_of: str, config_of: str, by: str, *, accept_new_data: bool = False
    ) -> str:
        """Queue the configuration of one run on the data of another; return the new run's id."""
        if self.is_far(data_of) or self.is_far(config_of):
            asked = self._composed(data_of, config_of, accept_new_data)
        else:
            folders = self._folder(data_of), self._folder(config_of)
            asked, _ = again.compose(*folders, accept_new_data=accept_new_data)
        return self._queued(enqueue(self.settings, asked, by=by))

    def sent(self, run_id: str) -> tuple[str, dict[str, Any]]:
        """Return the name of a cluster's run and what its pipeline was given.

        Raises NotFound, UsageError for another machine's, ClusterError.
        """
        from console.data import cluster_seen

        places, place, row = self._there(run_id)
        return places.cluster_child.ask(cluster_seen.sent, place, row.run_id if row else run_id)

    def _composed(self, data_of: str, config_of: str, accept_new_data: bool) -> Asked:
        from console.data.taking import taken_from

        draft, _ = taken_from(self, config_of, data_of)
        if not draft.data_sha256 and not accept_new_data:
            raise UsageError(
                f"nobody knows whether the data of {data_of} is what it read: accept new data to "
                "go on with what is there now"
            )
        return draft.asked(same_data=not accept_new_data)

    def differs_now(self, run_id: str) -> list[str]:
        """Return in what the code and the libraries are not those of the run, as sentences."""
        if self.is_far(run_id):
            return []
        return again.restart(self._folder(run_id), accept_new_data=True)[1]

    def cancel(self, run_id: str, by: str) -> str:
        """Cancel a run; return "cancelled" where it waited, "cancelling" where it runs.

        Raises NotFound, UsageError where it is not in the queue, ClusterError where a cluster
        refuses.
        """
        if self.is_far(run_id):
            return self._cancel_there(run_id)
        row = self._row(run_id)
        if row.ended:
            raise UsageError(f"{run_id} has ended already: {row.status}")
        queue = Queue(self.settings)
        try:
            return queue.cancel(run_id, by=by)
        finally:
            queue.close()
            self.runs.look_again()

    def delete(self, run_id: str, registry: Registry | None = None) -> None:
        """Move a run aside; it is removed once its time to be brought back is over.

        It takes some seconds where MLflow is asked first; runs deleted together share a `registry`.
        Raises NotFound, and UsageError where it goes on, or where what it made is still needed.
        """
        row = self._row(run_id)
        if row.where == CLUSTER:
            raise UsageError(
                f"{run_id} is a cluster's: delete it in Kubeflow Pipelines, {row.page}"
            )
        if row.where != HERE:
            raise UsageError(f"{run_id} ran elsewhere: delete it in MLflow, run {row.tracked}")
        if row.status == KILLED and self._in_queue(run_id):
            raise UsageError(f"{run_id} is to be begun again; cancel it first")
        if why := uses(self.settings, row, registry or Registry(self.settings)):
            raise UsageError(f"{run_id} is kept, because {', and '.join(why)}")
        self.deleted.add(run_id)

    def is_far(self, run_id: str) -> bool:
        """Say whether a run is another place's."""
        places = self.elsewhere
        return places is not None and places.may_have(run_id, self.runs.row(run_id))

    def _cancel_there(self, run_id: str) -> str:
        from console.data import cluster_seen

        places, place, row = self._there(run_id)
        if row is not None and row.ended:
            raise UsageError(f"{run_id} has ended already: {row.status}")
        known = row.run_id if row else run_id
        places.cluster_child.ask(cluster_seen.cancelled, place, known)
        self._changed_there()
        return "cancelling"

    def _again_there(self, run_id: str) -> str:
        from console.data import cluster_seen

        places, place, row = self._there(run_id)
        known = row.run_id if row else run_id
        new = places.cluster_child.ask(cluster_seen.again, place, known)
        self._changed_there()
        return new

    def _there(self, run_id: str) -> tuple[Elsewhere, Place, Row | None]:
        """Return the cluster of a run, and its row; None of one that the table has not yet."""
        row, places = self.runs.row(run_id), self.elsewhere
        place = places.settings.cluster if places else None
        if places is None or place is None or (row is not None and row.where != CLUSTER):
            raise UsageError(f"{run_id} is another machine's, and nothing can be done to it here")
        return places, place, row

    def _changed_there(self) -> None:
        if self.elsewhere is not None:
            self.elsewhere.soon()
        self.runs.look_again()

    def _queued(self, run_id: str) -> str:
        self.runs.look_again()
        return run_id

    def _in_queue(self, run_id: str) -> bool:
        if not path(self.settings).exists():
            return False
        queue = Queue(self.settings)
        try:
            return any(entry.run_id == run_id for entry in queue.view().entries)
        finally:
            queue.close()

    def _row(self, run_id: str) -> Row:
        row = self.runs.row(run_id)
        if row is None:
            raise NotFound(f"there is no run {run_id!r}; the table of runs shows those there are")
        return row

    def _folder(self, run_id: str) -> Path:
        row = self._row(run_id)
        if row.where != HERE:
            raise UsageError(f"{run_id} ran elsewhere: what it was asked for is not known here")
        return self.settings.home / "runs" / row.run_id
