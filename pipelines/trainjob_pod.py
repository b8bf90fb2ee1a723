"""One of the pods of a TrainJob that read the data themselves, as the steps of a run do.

    python -m pipelines.trainjob_pod --folder DIR --data JSON --split JSON --name NAME … epochs=20

It decodes and splits what the URI names: of the same bytes and with the same seed that is the same
training part in every pod, and the one that a run of the spec has. Then it trains on it, with all
other words, as `components.train` does.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from components.ingest import image_step as ingest
from components.split import image_step as split
from components.split.rules import Choice
from components.telling import told
from components.train import __main__ as training
from pipelines.image_spec import ImageData
from pipelines.spec_parts import Split

if TYPE_CHECKING:
    from pipelines.spec import ImageSpec

TRAIN, TEST, WHOLE = "train", "test", "whole"


def options(spec: ImageSpec, folder: str) -> dict[str, str]:
    """Return what makes a pod read and split the data of a spec, in a folder of its own."""
    return {
        "--folder": folder,
        "--data": json.dumps(spec.data.model_dump()),
        "--split": json.dumps(spec.split.model_dump()),
    }


def main(words: list[str] | None = None) -> None:
    """Fetch and split, then train what the rest of the command line names."""
    given, others = _parser().parse_known_args(words)
    data = ImageData.model_validate_json(given.data)
    with told():
        part = training_part(data, Split.model_validate_json(given.split), given.folder)
    training.main(["--train", str(part), *others])


def training_part(data: ImageData, choice: Split, folder: Path) -> Path:
    """Return where the training part of the pictures is; what else there is of them is removed.

    Raises DataError for what is no data set of pictures, PlatformError for what may pass.
    """
    request = ingest.Request(data.image_size or (), data.channels or 0)
    whole, train, test = (folder / name for name in (WHOLE, TRAIN, TEST))
    ingest.run(data.uri, request, whole)
    split.run(whole, Choice(choice.test_size, choice.random_state, choice.stratify), train, test)
    for spent in (whole, test):
        shutil.rmtree(spent)
    return train


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.trainjob_pod", allow_abbrev=False)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--data", required=True, metavar="JSON")
    parser.add_argument("--split", required=True, metavar="JSON")
    return parser


if __name__ == "__main__":
    main()
