"""Train a network outside of a pipeline, alone or as one of the pods of a TrainJob.

    python -m components.train --train DIR --model DIR --name NAME … epochs=20 flip=false

What it reads is what the split step writes, what the first worker writes is what the train step
does: the model directory, and a run in MLflow. `--publish` copies that directory to a bucket, from
where `kanarya run SPEC --network` goes on with it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from components import assigned, keras_tracking
from components.telling import told
from components.train import image_step
from components.workers import Workers
from serving import storage
from serving.errors import UsageError


def main(words: list[str] | None = None) -> None:
    """Train what the command line names."""
    given = _parser().parse_args(words)
    with told():
        _refuse_taken(given.publish)
        hyperparameters = assigned.hyperparameters(given.hyperparameters)
        workers = Workers.from_env()
        asked = {"workers": workers.count}
        request = image_step.Request(
            given.name, given.kind, hyperparameters, given.random_state, given.run_key, asked
        )
        run_id = image_step.run(given.train, request, given.model, keras_tracking, workers)
        if run_id:
            keras_tracking.end_run(run_id)
            print(f"run: {run_id}", flush=True)
            if given.publish:
                storage.upload(given.model, given.publish)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m components.train")
    for name in ("--train", "--model"):
        parser.add_argument(name, type=Path, required=True)
    for name in ("--name", "--kind", "--run-key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--random-state", type=int, required=True)
    parser.add_argument("--publish", metavar="URI", default="")
    parser.add_argument("hyperparameters", nargs="*", metavar="NAME=JSON")
    return parser


def _refuse_taken(uri: str) -> None:
    """Raise UsageError, before hours of training, where the network could not be put there."""
    if uri and storage.local_path(uri) is not None:
        raise UsageError(f"--publish {uri} is no bucket: name one with gs:// or s3://.")
    if uri and storage.exists(uri):
        raise UsageError(f"there is something at {uri} already; name a place of its own.")


if __name__ == "__main__":
    main()
