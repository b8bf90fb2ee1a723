"""Curves are handed on while they grow, and not at every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from components.models.epochs import Epoch
from components.train.curves import Curves


def test_epochs_are_handed_on_once_a_second_and_what_is_left_at_the_end() -> None:
    batches: list[list[int]] = []
    lines: list[str] = []
    now = [0.0]

    def hand_on(epochs: Sequence[Epoch]) -> None:
        batches.append([epoch.number for epoch in epochs])

    with Curves(hand_on, lines.append, lambda: now[0]) as curves:
        for number in range(1, 9):
            now[0] += 0.4
            curves.watch(Epoch(number, {"val_loss": 1 / number}))
    assert batches == [[1, 2, 3], [4, 5, 6], [7, 8]]
    assert lines == ["epoch 3: val_loss 0.3333", "epoch 6: val_loss 0.1667"]
    assert curves.by_name() == {"val_loss": [1 / number for number in range(1, 9)]}


def test_what_was_measured_is_handed_on_when_the_training_fails_too() -> None:
    batches: list[int] = []
    with (
        pytest.raises(ValueError, match="diverged"),
        Curves(lambda epochs: batches.append(len(epochs)), print) as curves,
    ):
        curves.watch(Epoch(1, {"train_loss": 1.0}))
        raise ValueError("diverged")
    assert batches == [1]


def test_a_kind_without_epochs_hands_nothing_on() -> None:
    with Curves(lambda epochs: pytest.fail("nothing was measured"), print) as curves:
        pass
    assert curves.by_name() == {}
