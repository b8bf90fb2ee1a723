"""The last step's one line, from which a cluster's run is known to have ended well or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from components import decision, outcome


def test_the_outcome_is_one_line_whatever_the_sentence_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcome.tell("rolled_back", 'error rate 42.9 %\nand "more" … ', "2")
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line.removeprefix(outcome.OUTCOME)) == {
        "outcome": "rolled_back",
        "sentence": 'error rate 42.9 %\nand "more" … ',
        "version": "2",
    }


def test_the_objections_are_the_checks_that_did_not_pass(tmp_path: Path) -> None:
    checks = [
        {"name": "floor", "passed": True, "sentence": "good"},
        {"name": "champion", "passed": False, "sentence": "worse", "finding": None},
    ]
    record = {"promote": False, "reasons": ["good", "worse"], "checks": checks}
    (tmp_path / "decision.json").write_text(json.dumps(record))
    assert decision.read(tmp_path).objections == ("worse",)
