"""What the fuzzer found worth keeping is asked again: an answer or a refusal, and nothing else."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).resolve().parents[2] / "fuzz" / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_is_answered_or_refused(target: str) -> None:
    kept = [path.read_bytes() for path in sorted((CORPUS / target).iterdir())]
    assert kept
    with warnings.catch_warnings():
        # The server ignores them as well.
        warnings.filterwarnings("ignore", module="PIL")
        warnings.filterwarnings("ignore", message="(overflow|invalid value) encountered")
        for data in [*seeds(target), *kept]:
            TARGETS[target](data)
