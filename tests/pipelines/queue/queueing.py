"""Runs of a queue in one process, some of whose workers are dead."""

from pipelines.asked import Asked
from pipelines.journal import RUNNING, SUCCEEDED, Step
from pipelines.processes import Process
from pipelines.queue import Queue
from pipelines.spec import parse


def asked(name: str) -> Asked:
    document = {"name": name, "data": {"uri": "/data/iris.csv", "target": "species"}}
    return Asked(parse(document, "test"), data_sha256="abc", made_from={"restart": "x"})


def dies(queue: Queue, run_id: str, gone: Process, *steps: str) -> None:
    """Let the run's worker be one that was killed in the last of these steps."""
    folder = queue.folder(run_id)
    folder.create({"name": "iris"})
    folder.own(gone)
    for step in steps:
        folder.append(Step(step, RUNNING, 1.0))
        if step != steps[-1]:
            folder.append(Step(step, SUCCEEDED, 1.0, 2.0))
    queue.store.change(run_id, worker=gone)
