from itertools import count
from pathlib import Path

import pytest

from pipelines.journal import Step
from pipelines.local import reason
from pipelines.step_log import Note, StepLog

PRINTED = """00:24:19.136 - INFO - Running pipeline: \x1b[95m'p'\x1b[0m
----
00:24:19.140 - INFO - Executing task \x1b[96m'ingest'\x1b[0m
00:24:19.140 - INFO - Streamed logs:

    note: 150 rows
    reading
00:24:19.234 - INFO - Task \x1b[96m'ingest'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m
00:24:19.240 - INFO - Executing task \x1b[96m'train'\x1b[0m
    Task 'train' finished with status SUCCESS, says the step itself
    error: no
00:24:19.334 - ERROR - Task \x1b[96m'train'\x1b[0m finished with status \x1b[91mFAILURE\x1b[0m
"""


def play(folder: Path, chunks: list[str]) -> list[Step | Note]:
    events: list[Step | Note] = []
    ticks = count()
    with StepLog(folder, lambda: float(next(ticks)), events.append) as log:
        for chunk in chunks:
            log.write(chunk)
    return events


def test_the_output_becomes_events_and_one_log_a_step(tmp_path: Path) -> None:
    events = play(tmp_path, [PRINTED])
    assert events == [
        Step("ingest", "running", 0.0),
        Note("ingest", "150 rows"),
        Step("ingest", "succeeded", 0.0, 1.0),
        Step("train", "running", 2.0),
        Step("train", "failed", 2.0, 3.0),
    ]
    assert "reading\n" in (tmp_path / "ingest.log").read_text()
    assert (tmp_path / "train.log").read_text().splitlines()[-1] == "error: no"
    assert "Running pipeline: 'p'" in (tmp_path / "engine.log").read_text()


def test_text_may_come_in_any_pieces(tmp_path: Path) -> None:
    whole = play(tmp_path, [PRINTED])
    other = tmp_path / "other"
    other.mkdir()
    assert play(other, list(PRINTED)) == whole


REASONS = {
    "a sentence": ("reading\nerror: the disk is full; make room\n", "the disk is full; make room"),
    "an exception of one line": (
        'Traceback (most recent call last):\n  File "x.py", line 1\n    f()\nKeyError: 1\n',
        "KeyError: 1",
    ),
    "an exception of many lines": (
        "Traceback (most recent call last):\n  File\nOperationalError: locked\n[SQL: SELECT]\n",
        "OperationalError: locked",
    ),
    "one exception caused by another": (
        "Traceback (most recent call last):\n  File\nKeyError: 1\n\nDuring handling:\n\n"
        "Traceback (most recent call last):\n  File\nValueError: 2\n",
        "ValueError: 2",
    ),
    "nothing": ("reading\n", "its process ended without a word"),
    "no log at all": (None, "it left no log"),
}


@pytest.mark.parametrize(("log", "said"), REASONS.values(), ids=REASONS.keys())
def test_the_reason_of_a_failure_is_read_from_its_log(
    tmp_path: Path, log: str | None, said: str
) -> None:
    if log is not None:
        (tmp_path / "train.log").write_text(log)
    assert reason(tmp_path / "train.log").startswith(said)


def test_a_step_begins_once_what_comes_before_it_has_returned(tmp_path: Path) -> None:
    now, events = [0.0], list[Step | Note]()

    def before(step: str) -> None:
        assert not any(isinstance(each, Step) and each.name == step for each in events)
        now[0] += 10

    with StepLog(tmp_path, lambda: now[0], events.append, before) as log:
        log.write(PRINTED)
    began = {each.name: each.started for each in events if isinstance(each, Step)}
    assert began == {"ingest": 10.0, "train": 20.0}


def test_an_interrupt_in_what_comes_before_a_step_ends_the_run(tmp_path: Path) -> None:
    def before(step: str) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        StepLog(tmp_path, lambda: 0.0, lambda event: None, before) as log,
    ):
        log.write(PRINTED)
