"""The processes of the queue: `python -m scripts.queue_work supervise | work`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.errors import KanaryaError
from serving.settings import Settings

if TYPE_CHECKING:
    from pipelines.asked import Asked, Place
    from pipelines.journal import Result
    from pipelines.warm import Steps

WORK = (sys.executable, "-P", "-m", "scripts.queue_work", "work")


def main(argv: Sequence[str] | None = None) -> int:
    """Be the supervisor, or one worker; return the exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("pipelines").setLevel(logging.INFO)
    what = (sys.argv[1:] if argv is None else list(argv))[0]
    try:
        {"supervise": _supervise, "work": _work}[what](Settings.from_env())
    except KanaryaError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _supervise(settings: Settings) -> None:
    from console import background as console
    from pipelines.background import WATCHER, Keeper
    from pipelines.queue_supervisor import supervise
    from serving.local import keeper as platform

    kept = platform.Keeper(settings), console.keeper(settings), Keeper(WATCHER, settings)

    def beside() -> None:
        for each in kept:
            each.look()

    supervise(settings, WORK, beside)


def _work(settings: Settings) -> None:
    from pipelines.queue_worker import work

    def execute(asked: Asked, place: Place, warm: Steps) -> Result:
        from scripts.progress import Progress
        from scripts.run import execute as run

        return run(asked, settings, Progress(quiet=True), warm, place)

    work(settings, execute)


if __name__ == "__main__":
    sys.exit(main())
