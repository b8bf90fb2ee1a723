"""Measure one combination, as a trial of Katib: `python -m components.tune … C=0.1 gamma="scale"`.

Prints `metric=value`, the mean over the folds; a combination that cannot be trained ends with its
reason and exit code 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from components import assigned
from components.telling import told
from components.tune import rules, step
from components.tune.rules import Search, Trial
from serving.errors import UsageError


def main(words: list[str] | None = None) -> None:
    """Measure what the command line names."""
    given = _parser().parse_args(words)
    with told():
        trial = Trial(1, assigned.hyperparameters(given.hyperparameters))
        search = Search(
            task=given.task,
            kind=given.kind,
            method="katib",
            metric=given.metric,
            cv=given.cv,
            random_state=given.random_state,
            fixed={},
            trials=(trial,),
        )
        measured = rules.from_json(step.measure(given.train, search.to_json())).trials[0]
        if measured.score is None:
            raise UsageError(measured.error)
        print(f"{given.metric}={measured.score!r}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m components.tune")
    parser.add_argument("--train", type=Path, required=True)
    for name in ("--task", "--kind", "--metric"):
        parser.add_argument(name, required=True)
    parser.add_argument("--cv", type=int, required=True)
    parser.add_argument("--random-state", type=int, required=True)
    parser.add_argument("hyperparameters", nargs="*", metavar="NAME=JSON")
    return parser


if __name__ == "__main__":
    main()
