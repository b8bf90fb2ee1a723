"""`--workers N`: what the parent does, and what each worker does."""

from __future__ import annotations

import argparse
import gc
import os
from functools import partial

from serving.errors import UsageError
from serving.predictor.flags import public_key
from serving.predictor.listening import bind
from serving.predictor.parent import exit_with
from serving.predictor.workers.crew import Place
from serving.predictor.workers.supervisor import Supervisor


def supervise(flags: argparse.Namespace, parent: int) -> None:
    """Serve with `flags.workers` processes until SIGTERM; KServe must be imported already.

    Raises `WorkersFailed` where they cannot start or do not live, `PlatformError` where the port
    is taken. `parent` is the process that started this one.
    """
    if flags.fault_injection:
        raise UsageError(
            "--fault_injection puts a fault into one process; leave out --workers to use it."
        )
    listener = bind(flags.host, flags.http_port, flags.listen_fd)

    def is_orphaned() -> bool:
        return flags.exit_with_parent and os.getppid() != parent

    # A frozen object is not written to by a collection, so that its memory stays shared.
    gc.collect()
    gc.freeze()
    Supervisor(listener, flags.workers, partial(_work, flags), is_orphaned).run()


def _work(flags: argparse.Namespace, place: Place) -> None:
    exit_with(place.parent)
    from serving.predictor.served import load
    from serving.predictor.server import serve
    from serving.predictor.workers.worker import Post

    served = load(flags.model_dir, public_key(flags))
    name = flags.model_name or served.card.name
    serve(name, served, Post(place, f"{name} version {served.card.version}"), flags)
