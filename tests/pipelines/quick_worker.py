"""A worker of the real queue whose runs are quick: four steps that do nothing but be written down.

A step goes on for as long as there is a file `hold-<model>-<step>` in the home.
"""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from pipelines.asked import Asked, Place  # noqa: E402
from pipelines.journal import RUNNING, SUCCEEDED, Result, Step  # noqa: E402
from pipelines.processes import this  # noqa: E402
from pipelines.queue_supervisor import supervise  # noqa: E402
from pipelines.queue_worker import work  # noqa: E402
from pipelines.warm import Steps  # noqa: E402
from serving.settings import Settings  # noqa: E402

STEPS = ("train", "evaluate", "register", "deploy")


def main() -> None:
    settings = Settings.from_env()
    if sys.argv[1] == "supervise":
        supervise(settings, [sys.executable, __file__, "work"])
    else:
        work(settings, lambda asked, place, warm: execute(settings.home, asked, place, warm))


def execute(home: Path, asked: Asked, place: Place, warm: Steps) -> None:
    place.folder.create({"name": asked.spec.name, "run_key": place.run_key})
    place.folder.own(this())
    for name in STEPS:
        place.before(name)
        began = time.time()
        place.folder.append(Step(name, RUNNING, began))
        with (home / "did.txt").open("a") as file:  # one write: lines do not mix
            file.write(f"{asked.spec.name} {name} {place.folder.run_id}\n")
        while (home / f"hold-{asked.spec.name}-{name}").exists():
            time.sleep(0.02)
        place.folder.append(Step(name, SUCCEEDED, began, time.time()))
    ended = Result(place.folder.run_id, "promoted", "quick", "1", steps=place.folder.steps())
    place.folder.close(ended)


if __name__ == "__main__":
    main()
