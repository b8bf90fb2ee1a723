"""The flags of a predictor: ours, next to those of KServe's ModelServer."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from serving.card import MOST_ROWS, MOST_WAIT_US, Batching, Feedback
from serving.predictor.outputs import OUTPUTS, Outputs, named
from serving.settings import Settings

OVERRIDES = "instead of what the card says"
DEFAULT_OUTPUTS = (
    "what an answer holds where the request does not say: label, probabilities or both; "
    "V1 predictions are the labels, or the probabilities where only these are named"
)
FEEDBACK = (
    "which predictions are kept until their label comes: those whose request has an id, all (they "
    f"are given one, in the header x-request-id), or none; {OVERRIDES}"
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of our own flags; KServe's can be added to it."""
    flags = argparse.ArgumentParser(prog="python -m serving.predictor", allow_abbrev=False)
    add = flags.add_argument
    add("--model_name", default=None, help="the name in the address; default: the card's")
    add("--model_dir", type=Path, required=True, help="a published model directory")
    add("--public_key", type=Path, default=None, help="PEM: serve only what is signed by it")
    add("--http_port", type=int, default=8080, help="the port; 0 takes a free one")
    add("--host", default="127.0.0.1", help="the address; 0.0.0.0 in a container")
    add("--listen_fd", type=int, default=None, help="answer on this inherited, bound socket")
    add("--exit_with_parent", action="store_true", help="end when the parent process ends")
    add("--fault_injection", action="store_true", help="allow POST /kanarya/fault")
    add("--workers", type=_count, default=1, help="processes that answer on the port")
    add("--max_request_bytes", type=_count, default=32 * 2**20, help="larger ones get 413")
    add("--max_concurrency", type=_count, default=1000, help="more at a time in a worker get 503")
    add("--request_timeout", type=_seconds, default=30.0, help="s for a whole request; then 408")
    add("--max_batch_rows", type=_up_to(MOST_ROWS), help=f"{OVERRIDES}; 0 or 1: no batches")
    add("--max_batch_wait_us", type=_up_to(MOST_WAIT_US), help=f"{OVERRIDES}; 0: as read")
    add("--default_outputs", type=_outputs, default=OUTPUTS, help=DEFAULT_OUTPUTS)
    add("--feedback_url", default=None, help="of the collector of feedback, with the namespace")
    add("--feedback", choices=get_args(Feedback), help=FEEDBACK)
    add("--enable_grpc", type=_truth, default=False, help="gRPC too, on --grpc_port")
    add("--enable_latency_logging", type=_truth, default=False, help="one log line a request")
    return flags


def public_key(flags: argparse.Namespace) -> Path | None:
    """Return the key that a model must be signed with: the flag's, otherwise the environment's."""
    key: Path | None = flags.public_key or Settings.from_env().public_key
    return key


def feedback_url(flags: argparse.Namespace) -> str:
    """Return where feedback is collected: as the flag says, else the environment; "" nowhere."""
    return flags.feedback_url or Settings.from_env().feedback_url


def batching(flags: argparse.Namespace, card: Batching | None) -> Batching | None:
    """Return how requests are gathered: as the card says, unless a flag says otherwise."""
    rows, wait_us = flags.max_batch_rows, flags.max_batch_wait_us
    if rows is None:
        rows = card.max_rows if card else 0
    if wait_us is None:
        wait_us = card.max_wait_us if card else 0
    return Batching(rows, wait_us) if rows > 1 else None


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is no whole number above 0")
    return int(word)


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{word!r} is no number of seconds above 0")
    return seconds


def _up_to(most: int) -> Callable[[str], int]:
    def number(word: str) -> int:
        if not word.isdecimal() or int(word) > most:
            raise argparse.ArgumentTypeError(f"{word!r} is no whole number from 0 to {most}")
        return int(word)

    return number


def _outputs(words: str) -> Outputs:
    try:
        return named(words)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _truth(word: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if word.lower() not in known:
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return known[word.lower()]
