"""Differences of counters: what may be subtracted, what restarted, and what was not to be seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.rollout.observation import (
    LONGEST_LABEL,
    REST,
    TOLD_APART,
    Counts,
    Observation,
    leading,
)

BEFORE = Counts(10, classes={"a": 6, "b": 4}, confidence=(1, 9))
labels = st.text(max_size=30)
counted = st.dictionaries(labels, st.integers(0, 99), max_size=20)


@pytest.mark.parametrize(
    ("now", "classes", "confidence"),
    [
        pytest.param(({"a": 8, "b": 4}, (1, 11)), {"a": 2, "b": 0}, (0, 2), id="grown"),
        pytest.param(({"a": 8, "b": 5, "c": 1}, ()), {"a": 2, "b": 1, "c": 1}, (), id="a new one"),
        pytest.param(({"a": 2, "b": 0}, (0, 2)), {}, (), id="restarted"),
        pytest.param(({"a": 9}, (9, 0)), {}, (), id="restarted, one is not there yet"),
        pytest.param(({}, ()), {}, (), id="not to be seen now"),
    ],
)
def test_predictions_that_went_back_or_away_do_not_count(
    now: tuple[Mapping[str, int], tuple[int, ...]],
    classes: Mapping[str, int],
    confidence: tuple[int, ...],
) -> None:
    later = Counts(14, 1, classes=now[0], confidence=now[1])
    less = later.since(BEFORE)
    assert (dict(less.classes), less.confidence) == (classes, confidence)
    assert (less.requests, less.errors) == (4, 1), "but errors do: a crash is no excuse"


def test_what_was_not_to_be_seen_before_counts_from_the_next_look_on() -> None:
    blind = replace(BEFORE, classes={}, confidence=())
    assert not BEFORE.since(blind).classes
    assert not BEFORE.since(blind).confidence
    new = BEFORE.since(Counts())
    assert (new.classes, new.confidence) == (BEFORE.classes, BEFORE.confidence)


@given(counted, counted)
def test_grouping_loses_no_row_whatever_the_labels_are(
    before: dict[str, int], more: dict[str, int]
) -> None:
    later = {label: before.get(label, 0) + more.get(label, 0) for label in {**before, **more}}
    told = leading(Counts(1, classes=before))
    assert len(told) <= TOLD_APART
    assert all(len(label.encode()) <= LONGEST_LABEL for label in told)
    first, second = (Counts(1, classes=found).grouped(told) for found in (before, later))
    assert sum(first.classes.values()) == sum(before.values())
    assert Counts(1, classes=later).since(first).classes == second.since(first).classes
    if before:
        assert sum(second.since(first).classes.values()) == sum(more.values())


def test_the_most_frequent_classes_are_told_apart() -> None:
    many = Counts(1, classes={f"{n:02}": n for n in range(20)})
    assert leading(many) == ("19", "18", "17", "16", "15", "14", "13", "12")
    assert many.grouped(leading(many)).classes[REST] == sum(range(12))


def test_long_labels_stay_readable_and_different() -> None:
    long = Counts(1, classes={"a very long name, the first": 2, "a very long name, the second": 1})
    first, second = leading(long)
    assert first.startswith("a very lon") and second.startswith("a very lon")
    assert first != second
    assert set(long.grouped((first, second)).classes) == {first, second, REST}


def test_a_packed_observation_keeps_the_predictions() -> None:
    seen = Observation(1.0, 2.0, {"old": BEFORE, "new": replace(BEFORE, classes={"c": 1})})
    back = Observation.from_json(json.loads(json.dumps(seen.grouped(()).to_json())))
    assert back.of("old").classes == {"a": 6, "b": 4, "c": 0, REST: 0}
    assert back.of("new").confidence == (1, 9)
    assert seen.continues(back)
    grown = replace(BEFORE, requests=12, classes={"a": 7, "z": 1, "b": 4})
    assert dict(grown.since(back.of("old")).classes) == {"a": 1, "b": 0, "c": 0, REST: 1}
