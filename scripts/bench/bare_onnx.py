"""A bare ONNX Runtime session in a loop: the most that a server of the same model could reach.

`python -m scripts.bench.bare_onnx DIRECTORY --images N --seconds S` prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from serving.onnx_model import OnnxModel

DISTINCT = 16
WARM_UP_S = 0.5


def main() -> None:
    """Measure the model of a directory, and print calls a second."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="a published model directory")
    parser.add_argument("--images", type=int, default=1, help="a call")
    parser.add_argument("--seconds", type=float, default=3.0, help="of measuring")
    given = parser.parse_args()
    calls = _calls(given.directory, given.images)
    per_second(calls, WARM_UP_S)
    rate = per_second(calls, given.seconds)
    print(json.dumps({"images": given.images, "per_s": round(rate, 1)}))


def _calls(directory: Path, images: int) -> list[Callable[[], object]]:
    """Return calls of the session with different images, as the requests differ too."""
    session = OnnxModel.load(directory).session
    (only,) = session.get_inputs()
    shape = (images, *only.shape[1:])
    rng = np.random.default_rng(1)
    feeds = [{only.name: rng.random(shape, np.float32)} for _ in range(DISTINCT)]
    return [lambda feed=feed: session.run(None, feed) for feed in feeds]  # type: ignore[misc]


def per_second(calls: list[Callable[[], object]], seconds: float) -> float:
    """Return how often a second the calls, made in turn, come back."""
    done, began = 0, time.perf_counter()
    end = began + seconds
    while (now := time.perf_counter()) < end:
        for call in calls:
            call()
        done += len(calls)
    return done / (now - began)


if __name__ == "__main__":
    main()
