"""The decision card: what it says of each outcome; it is whole, and nothing in it runs."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import pytest

from serving.pages.content import Page
from serving.pages.page import html
from serving.pages.plain import lines
from serving.rollout.card.build import card
from serving.rollout.decision import decision
from tests.serving.pages.pages import read
from tests.serving.rollout.card.decisions import STAGES, decided
from tests.serving.rollout.stage import NAME, Stage

LIMIT = 128 * 1024
"""Bytes: what every page of a pipeline shows without complaint."""

# stage -> the word, the sentence, and what else must be said
SAID: dict[str, tuple[str, str, list[str]]] = {
    "promoted": (
        "Promoted",
        "Version 2 took over from version 1: it was good at 10 %, 50 %.",
        ["kanarya rollout rollback iris", "gives version 1 all of the traffic again"],
    ),
    "undone": (
        "Promoted",
        "Version 1 is back in the place of version 2: gone back to version 1 by hand.",
        ["kanarya rollout rollback iris", "Decided by people"],
    ),
    "first": (
        "Promoted",
        "Version 1 has all of the traffic: it is the first, so there was nothing to compare it",
        ["Nothing was live before it, so there is nothing to go back to.", "nothing was live"],
    ),
    "errors": (
        "Rolled back",
        "Version 2 was taken out of the traffic, version 1 has all of it: error rate",
        ["There is nothing to undo: version 1 has all of the traffic.", "chance does that in one"],
    ),
    "slow": ("Rolled back", "Version 2 was taken out of the traffic", ["slower than 10 ms"]),
    "broken": (
        "Rolled back",
        "did not come up: ModelLoadFailed",
        ["There is nothing to undo: version 1 has all of the traffic."],
    ),
    "failed": (
        "Failed",
        "Version 1 did not go live, and nothing was live before it: ",
        ["There is nothing to undo: nothing is live.", "no model.onnx"],
    ),
    "held": (
        "Held",
        "Version 2 stays at 10 % of the traffic beside version 1 until a person decides: no",
        ["kanarya rollout resume iris", "kanarya rollout promote iris", "What can be done now"],
    ),
    "resumed": ("Promoted", "Version 2 took over from version 1", ["resumed by ada@laptop"]),
    "aborted": (
        "Rolled back",
        "Version 2 was taken out of the traffic, version 1 has all of it: aborted by hand.",
        ["rolling back by ada@laptop (aborted by hand)"],
    ),
    "asking": (
        "Under way",
        "Version 2 is under way with 10 % of the traffic: waits for approval of 50 %",
        ["kanarya rollout approve iris", "What can be done now", "A person approves"],
    ),
    "approved": (
        "Promoted",
        "Version 2 took over from version 1: it was good in the shadow, at 10 %, 50 %.",
        ["approved by ada@laptop", "Rows asked in the shadow", "What it answered"],
    ),
    "bad shadow": (
        "Rolled back",
        "Version 2 was taken out of the traffic, version 1 has all of it: bad in the shadow",
        ["disagreement in the shadow", "mirrored rows got another label"],
    ),
    "conflict": (
        "Conflict",
        "Version 2 gave way, since somebody else was first: ",
        ["There is nothing to undo: it changed nothing since it gave way.", "33 %"],
    ),
    "under way": (
        "Under way",
        "Version 2 is under way with 50 % of the traffic: ",
        ["kanarya rollout watch iris", "What can be done now"],
    ),
}


@cache
def shown(name: str) -> tuple[Page, str]:
    page = card(decided(name))
    return page, html(page)


def test_every_stage_has_its_row() -> None:
    assert set(SAID) == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_card_says_what_was_decided_why_and_what_can_be_done(name: str) -> None:
    word, sentence, more = SAID[name]
    page, text = shown(name)
    assert page.word == word
    assert page.sentence.startswith(sentence) or sentence in page.sentence
    assert page.sentence.endswith(".") and not page.sentence.endswith("..")
    told = read(text).text
    for said in (word, *more):
        assert said in told


@pytest.mark.parametrize("name", STAGES)
def test_a_card_is_one_whole_small_file_without_scripts_and_links(name: str) -> None:
    _, text = shown(name)
    read(text)
    assert len(text.encode()) < LIMIT


@pytest.mark.parametrize("name", STAGES)
def test_a_terminal_is_told_the_same_facts(name: str) -> None:
    page, _ = shown(name)
    told = " ".join("\n".join(lines(page)).split())
    for section in page.sections:
        for label, value, _ in section.facts:
            assert f"{label}: {' '.join(value.split())}" in told
        for table in section.tables:
            for cell in (cell for row in table.rows for cell in row):
                assert " ".join(cell.split()) in told
        for command, _ in section.commands:
            assert command in told
        for chart in section.charts:
            assert " ".join(chart.about.split()) in told
    assert page.sentence in told


def test_a_card_has_the_ledger_the_models_and_the_record_of_the_version() -> None:
    found = decided("promoted")
    told = read(html(card(found))).text
    for moment in found["timeline"]:
        assert moment["sha256"] in told
        assert moment["holder"] in told
    for said in ("file:///models/iris/1", "file:///data/tumours.csv", "7e11" * 16, "455"):
        assert said in told
    for said in ("Column 'deck' is missing", "0.9649 is at least 0.8", "0.9035", "random_forest"):
        assert said in told
    assert "ONNX Runtime" in told and "benign, malignant" in told
    assert "1.28 ms" in told and "30, as they were packaged" in told and "0.90 s" in told


PARTS = ["Gate", "Data", "Servability", "The rules it had", "What it was judged by"]


def test_what_nobody_recorded_is_left_out() -> None:
    stage = STAGES["promoted"]()
    found = decision(stage.ledger.chain(NAME))
    bare = {**found, "measured": [], "evidence": [], "policy": {}}
    page = html(card(bare))
    told = read(page).text
    assert not [part for part in PARTS if part in told]
    assert "not known" in told  # the sha256 of the fake ledger's models
    assert "None" not in told and "nan" not in told


def test_a_ledger_of_before_the_numbers_makes_a_card() -> None:
    found = copy.deepcopy(decided("promoted"))
    del found["measured"], found["policy"]
    page = card(found)
    assert [chart.name for section in page.sections for chart in section.charts] == ["split"]
    read(html(page))


EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}{% raw %}"


def poisoned(value: Any) -> Any:
    match value:
        case dict():
            return {key: poisoned(each) for key, each in value.items()}
        case list() | tuple():
            return [poisoned(each) for each in value]
        case str() if value in ("good", "bad", "split", "promoted") or value[:2] == "20":
            return value
        case str() if value[:4] == "1970":
            return value
        case str():
            return EVIL
    return value


@pytest.mark.parametrize("name", ["promoted", "held"])
def test_nothing_that_a_name_or_a_reason_holds_is_run(name: str) -> None:
    found = poisoned(decided(name))
    found |= {"outcome": decided(name)["outcome"], "policy": decided(name)["policy"]}
    page = html(card(found))
    told = read(page)
    assert EVIL in told.text


def test_a_version_that_is_named_as_a_script_is_shown_and_not_run() -> None:
    stage = Stage.with_live("1")
    stage.run("<script>alert(1)</script>")
    page = html(card(decision(stage.ledger.chain(NAME))))
    assert "version <script>alert(1)</script>" in read(page).text
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("name", STAGES)
def test_a_decision_is_json_without_infinity(name: str) -> None:
    json.loads(json.dumps(decided(name), allow_nan=False))


@pytest.mark.parametrize("name", STAGES)
def test_every_drawing_has_a_title_a_description_and_its_numbers(name: str) -> None:
    page, text = shown(name)
    for chart in (chart for section in page.sections for chart in section.charts):
        assert f'aria-labelledby="{chart.name}-title {chart.name}-about"' in text
        assert chart.title and chart.about and chart.table.columns
        assert chart.key
    assert read(text).tags.count("svg") == text.count('role="img"')
