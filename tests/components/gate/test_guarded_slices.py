"""A slice of the rows that is guarded: what stops the candidate there, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from components.gate import evidence, policy
from components.gate.evidence import Rows
from components.gate.policy import ChampionPolicy, GatePolicy, SliceGuard
from components.paired import Paired
from serving.errors import UsageError
from serving.signature import Column
from tests.components.gate.judging import judged, pair, told


def table(rows: int) -> tuple[tuple[Column, ...], dict[str, np.ndarray]]:
    town = np.array(["A", "B"], dtype=object)[np.arange(rows) // 2 % 2]
    return (Column("town", "text"), Column("age", "integer")), {
        "town": town,
        "age": np.arange(rows) // 2 % 2,
    }


@pytest.mark.parametrize(
    ("guard", "on_cannot_tell", "promote", "sentence"),
    [
        (SliceGuard("town", "accuracy", "A", 0.9), "measured", False, "it is shown to be worse"),
        (SliceGuard("town", "accuracy", "b", 0.9), "reject", True, "it is shown to hold"),
        (SliceGuard("town", "accuracy", None, 0.9), "measured", False, "town = A: accuracy 0.5"),
        (SliceGuard("age", "accuracy", "0", max_drop=0.1), "accept", False, "to the champion"),
        (SliceGuard("age", "accuracy", "1", max_drop=0.1), "reject", True, "shown to hold"),
        (SliceGuard("town", "accuracy", "A", 0.52), "measured", True, "too few rows to tell"),
        (SliceGuard("town", "accuracy", "A", 0.52), "reject", False, "the spec rejects then"),
        (SliceGuard("town", "f1_macro", "A", 0.9), "measured", False, "shown to be worse"),
        (SliceGuard("town", "accuracy", "C", 0.5), "accept", False, "no test row has 'C'"),
        (SliceGuard("twon", "accuracy", "C", 0.5), "accept", False, "did you mean town"),
        (SliceGuard("town", "acuracy", "C", 0.5), "accept", False, "did you mean accuracy"),
        (SliceGuard("town", "rmse", "A", 0.5), "accept", False, "rmse cannot be told of these"),
    ],
)
def test_a_guarded_slice_stops_what_is_shown_to_be_worse(
    guard: SliceGuard, on_cannot_tell: str, promote: bool, sentence: str
) -> None:
    place = np.arange(400)
    mine = told((place // 2 % 2 == 1) | (place // 4 % 2 == 1))
    rows = Paired(mine, told(np.full(400, True)))
    asked = GatePolicy({}, ChampionPolicy("", on_cannot_tell=on_cannot_tell), (guard,))
    verdict = judged(rows, asked, Rows(rows, *table(400)))
    assert verdict.promote is promote
    assert any(sentence in reason for reason in verdict.reasons), verdict.reasons


def test_many_slices_share_one_alpha() -> None:
    rows = pair(400, 5, 5)
    asked = GatePolicy({}, slices=(SliceGuard("town", "accuracy", None, 0.5),) * 3)
    found = evidence.gather(asked, Rows(rows, *table(400)))
    assert len(found.parts) == 6
    assert {part.finding.alpha for part in found.parts if part.finding} == {0.05 / 6}


def test_a_slice_has_nothing_to_drop_from_where_there_is_no_champion() -> None:
    rows = Paired(told(np.full(40, True)))
    asked = GatePolicy({}, slices=(SliceGuard("town", "accuracy", "A", max_drop=0.1),))
    verdict = judged(rows, asked, Rows(rows, *table(40)))
    assert verdict.promote
    assert any("there is no champion whose accuracy" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"floor": 0.5}, "gate.slices.0.column is missing"),
        ({"column": "a"}, "give one of floor and max_drop"),
        ({"column": "a", "floor": 0.1, "max_drop": 0.1}, "give one of floor and max_drop"),
        ({"column": "a", "floor": "high"}, "floor and max_drop are numbers"),
        ({"column": "a", "max_drop": -1}, "max_drop = -1.0 must be from 0"),
        ({"column": "a", "flor": 1}, "did you mean floor"),
    ],
)
def test_a_guard_from_a_form_is_checked(given: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        policy.guards([given], "accuracy")
