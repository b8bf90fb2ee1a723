"""How batches are asked for: by the card, or by a flag that overrides it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from serving.card import Batching
from serving.errors import ModelError
from serving.predictor import flags
from serving.predictor.served import load


@pytest.mark.parametrize(
    ("given_flags", "card", "expected"),
    [
        ([], None, None),
        ([], Batching(16, 0), Batching(16, 0)),
        (["--max_batch_rows", "32"], None, Batching(32, 0)),
        (["--max_batch_rows", "32"], Batching(16, 7), Batching(32, 7)),
        (["--max_batch_rows", "1"], Batching(16, 0), None),
        (["--max_batch_rows", "0"], Batching(16, 0), None),
        (["--max_batch_wait_us", "50"], Batching(16, 0), Batching(16, 50)),
        (["--max_batch_wait_us", "50"], None, None),
    ],
)
def test_a_flag_overrides_the_card(
    given_flags: list[str], card: Batching | None, expected: Batching | None
) -> None:
    assert flags.batching(parsed(given_flags), card) == expected


def parsed(words: list[str]) -> argparse.Namespace:
    return flags.parser().parse_args(["--model_dir", "x", *words])


@pytest.mark.parametrize("word", ["-1", "257", "many", "1.5"])
def test_a_flag_beyond_its_limits_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(["--max_batch_rows", word])
    assert "no whole number from 0 to 256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"max_rows": 1, "max_wait_us": 0}, "batching.max_rows 1, allowed is 2 to 256"),
        ({"max_rows": 10**9, "max_wait_us": 0}, "max_rows 1000000000"),
        ({"max_rows": True, "max_wait_us": 0}, "max_rows True"),
        ({"max_rows": 8, "max_wait_us": -1}, "batching.max_wait_us -1"),
        ({"max_rows": 8}, "damaged"),
        ([8, 0], "damaged"),
        ("fast", "damaged"),
    ],
)
def test_a_card_that_asks_for_impossible_batches_is_refused(
    value: Any, words: str, iris_model_dir: Path
) -> None:
    card = load(iris_model_dir).card.to_json()
    assert type(load(iris_model_dir).card).from_json(card).batching is None
    with pytest.raises(ModelError, match=words):
        type(load(iris_model_dir).card).from_json({**card, "batching": value})
