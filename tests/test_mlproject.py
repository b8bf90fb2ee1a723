"""The file MLproject asks for nothing that `kanarya run` does not take."""

from pathlib import Path

import click
import pytest
import yaml

from scripts.run import run

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))["entry_points"]


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_point_is_a_command_of_ours(name: str) -> None:
    entry = ENTRIES[name]
    values = {each: f"some-{each}" for each in entry["parameters"]}
    words = entry["command"].format(**values).split()
    assert words[:4] == ["python", "-m", "scripts", "run"]
    context = run.make_context("run", words[4:])
    assert isinstance(context, click.Context)
    given = {str(each) for each in context.params.values() if str(each).startswith("some-")}
    assert given == set(values.values())
