"""The real predictor with one part of its safety taken out, to see what that part costs.

`python -m scripts.bench.serving_bare --without signature,metrics,ids FLAGS OF THE PREDICTOR`. Only
the benchmark starts it: nobody may switch these off in a server.

    signature   cells go to the model as they come: no names, types, widths, gaps, ranges
    metrics     nothing is counted: requests, classes, confidence, ranges, KServe's own histogram
    ids         no id is made for an answer, none is taken over from the request
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

PARTS = ("signature", "metrics", "ids")
ROOM = "serving.predictor"


class Replacement(NamedTuple):
    """What stands in for a name of one of the predictor's modules."""

    module: str
    name: str
    value: Any


def main(arguments: Sequence[str]) -> int:
    """Serve without some parts; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench.serving_bare", description=__doc__
    )
    parser.add_argument("--without", type=_parts, required=True)
    given, flags = parser.parse_known_args(arguments)
    for part in given.without:
        for each in REPLACEMENTS[part]():
            _replace(each)
    from serving.predictor.__main__ import main as serve

    return serve(flags)


def _replace(replacement: Replacement) -> None:
    module = import_module(f"{ROOM}.{replacement.module}")
    # A name that is no longer there would leave the part in, and its cost at nothing.
    if not hasattr(module, replacement.name):
        raise AttributeError(f"{module.__name__} has no {replacement.name}; mend REPLACEMENTS")
    setattr(module, replacement.name, replacement.value)


def _parts(text: str) -> tuple[str, ...]:
    words = tuple(text.split(","))
    if not {*words} <= {*PARTS}:
        raise argparse.ArgumentTypeError(f"{text!r}: there are {', '.join(PARTS)}")
    return words


def _without_signature() -> list[Replacement]:
    import numpy as np

    from serving.predictor.requests import Reader
    from serving.predictor.tensors import Tensor

    class Trusting(Reader):
        def instances(self, body: Any, raw: bytes | None = None) -> np.ndarray:
            return np.array(body["instances"], np.float32)

        def tensors(self, tensors: Sequence[Tensor]) -> np.ndarray:
            (only,) = tensors
            return np.asarray(only.data).astype(np.float32, copy=False).reshape(only.shape)

    return [Replacement("dataplane", "Reader", Trusting)]


def _without_metrics() -> list[Replacement]:
    from serving.predictor.tally import Protocol, Tally

    class Deaf(Protocol):
        def answered(self, code: int, seconds: float) -> None:
            pass

    class Blind(Tally):
        def protocol(self, name: str) -> Protocol:
            return self.protocols.setdefault(name, Deaf())

        def predicted(self, answer: Any) -> None:
            pass

    def unheard(name: str) -> Callable[[float], None]:
        return lambda seconds: None

    return [
        Replacement("dataplane", "Tally", Blind),
        Replacement("server", "stock_histogram", unheard),
    ]


def _without_ids() -> list[Replacement]:
    def unmarked(reply: Any, given: Any) -> Any:
        return reply

    return [
        Replacement("v2", "new_id", lambda: ""),
        Replacement("express", "mark_of", lambda given: None),
        Replacement("hot_path", "marked", unmarked),
    ]


REPLACEMENTS: dict[str, Callable[[], list[Replacement]]] = {
    "signature": _without_signature,
    "metrics": _without_metrics,
    "ids": _without_ids,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
