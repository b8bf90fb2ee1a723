"""`kanarya up` reads all its settings before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from scripts.platform import up
from serving.errors import UsageError


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KANARYA_API_PORT", "x", "KANARYA_API_PORT"),
        ("KANARYA_WORKERS", "abc", "KANARYA_WORKERS is 'abc': give a number of workers"),
        ("KANARYA_REQUEUE", "-1", "KANARYA_REQUEUE is '-1': give a number from 0 to 100."),
        ("KANARYA_QUEUE", "off", "KANARYA_QUEUE is 'off': 0 runs nothing here"),
        ("KANARYA_WATCH", "no", "KANARYA_WATCH is 'no': 0 starts no watcher"),
        ("KANARYA_CONSOLE", "yes", "KANARYA_CONSOLE is 'yes': 0 starts no console"),
    ],
)
def test_a_setting_that_cannot_be_read_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv("KANARYA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(name, value)
    done = CliRunner().invoke(up, standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert not (tmp_path / "home").exists()
