"""What an engine says of its containers is counted once, also where it has forgotten by then."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.docker.endings import counted, watched

LINE = '{"Actor": {"ID": "%s", "Attributes": {"image": "%s", "exitCode": "%s"}}}'
# Says two events to who listens; of what was, only the last one to who asks afterwards.
ENGINE = f"""
import sys, time
lines = {[LINE % ("1", "steps", "0"), LINE % ("2", "steps", "3")]!r}
after = "--until" in sys.argv
print("\\n".join(lines[after:]), flush=True)
if not after:
    open(sys.argv[1], "w").close()
    time.sleep(60)
"""


def test_a_container_that_both_accounts_have_is_counted_once_and_torn_lines_are_not() -> None:
    lines = [
        LINE % ("1", "a", "0"),
        '{"Actor": {"I',
        LINE % ("1", "a", "0"),
        LINE % ("2", "a", "0"),
    ]
    assert counted(lines) == {("a", "0"): 2}


def test_what_the_engine_has_forgotten_was_heard(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with watched("x", tmp_path, (sys.executable, "-c", ENGINE, str(said))) as ended:
        while not said.exists():
            time.sleep(0.005)
        assert ended() == {("steps", "0"): 1, ("steps", "3"): 1}
