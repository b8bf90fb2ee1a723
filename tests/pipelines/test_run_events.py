"""A run is followed by its files: every step, line and epoch once, in the order of their files."""

from pathlib import Path

import pytest

from components import curve
from components.models.epochs import Epoch
from pipelines import attempts
from pipelines.journal import RUNNING, SUCCEEDED, Result, RunFolder, Step
from pipelines.run_events import BegunAgain, Event, Follower, LogLine, Measured, follow
from pipelines.run_events import curve as curve_of

TRAIN = Step("train", RUNNING, 1.0)
TRAINED = Step("train", SUCCEEDED, 1.0, 4.0)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    found = RunFolder(tmp_path / "iris-1")
    found.create({"name": "iris"})
    return found


def say(folder: RunFolder, text: str, step: str = "train") -> None:
    with folder.log(step).open("a") as file:
        file.write(text)


def measure(folder: RunFolder, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    monkeypatch.setenv(curve.FILE, str(folder.curve))
    curve.append([Epoch(n, {"val_loss": 1 / n, "train_loss": float("nan")}) for n in numbers])


def test_what_happens_is_told_once_and_ends_with_the_result(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(folder)
    assert follower.poll() == []
    folder.append(TRAIN)
    say(folder, "one\ntw")
    assert follower.poll() == [TRAIN, LogLine("train", "one")]
    say(folder, "o\n")
    measure(folder, monkeypatch, 1, 2)
    assert follower.poll() == [
        LogLine("train", "two"),
        Measured(1, {"val_loss": 1.0}),
        Measured(2, {"val_loss": 0.5}),
    ]
    assert follower.poll() == []
    say(folder, "three\n")
    folder.append(TRAINED)
    ended = Result("iris-1", "promoted", "good", "3", 4.0, (TRAINED,), {"accuracy": 0.9})
    folder.close(ended)
    assert follower.poll() == [LogLine("train", "three"), TRAINED, ended]
    assert follower.ended and follower.poll() == []


def test_a_run_that_has_ended_is_told_whole_to_who_comes_late(folder: RunFolder) -> None:
    folder.append(TRAIN)
    folder.append(TRAINED)
    ended = Result("iris-1", "failed", "why")
    folder.close(ended)
    slept: list[float] = []
    assert list(follow(folder, 9.0, slept.append)) == [TRAIN, TRAINED, ended]
    assert slept == []


def test_who_follows_waits_between_two_looks(folder: RunFolder) -> None:
    def sleep(seconds: float) -> None:
        assert seconds == 0.5
        folder.close(Result("iris-1", "failed", "why"))

    assert [type(each) for each in follow(folder, 0.5, sleep)] == [Result]


def test_the_curve_of_a_run_is_read_whole(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert curve_of(folder) == []
    measure(folder, monkeypatch, 1, 2)
    folder.curve.open("a").write('{"epoch": 0, "values": {"p99_ms": 1}}\n{"epoch"')
    assert [each.epoch for each in curve_of(folder)] == [1, 2]


def test_an_attempt_that_was_killed_is_told_from_the_next_one(folder: RunFolder) -> None:
    follower = Follower(folder)
    folder.append(TRAIN)
    say(folder, "old\n")
    assert len(follower.poll()) == 2
    attempts.put_aside(folder, killed=True, sentence="killed")
    assert follower.poll() == [BegunAgain(2)]
    folder.create({"name": "iris"})
    folder.append(TRAIN)
    say(folder, "new\n")
    assert follower.poll() == [TRAIN, LogLine("train", "new")]


def test_of_a_long_log_the_end_is_told_and_a_huge_one_comes_in_pieces(folder: RunFolder) -> None:
    folder.append(TRAIN)
    say(folder, "".join(f"line {n}\n" for n in range(100_000)))
    follower = Follower(folder)
    lines = [each.text for each in follower.poll() if isinstance(each, LogLine)]
    assert 1000 < len(lines) < 10_000
    assert lines[-1] == "line 99999" and lines[0].startswith("line ")
    say(folder, "x" * 3_000_000 + "\nlast\n")
    found: list[Event] = []
    while not found:
        found = follower.poll()
    assert [len(each.text) for each in found if isinstance(each, LogLine)] == [3_000_000, 4]


def test_of_an_ended_run_all_is_told_before_its_end(folder: RunFolder) -> None:
    folder.append(TRAIN)
    epoch = '{{"epoch": {}, "values": {{"val_loss": 0.25, "val_rmse": 0.5}}}}\n'
    folder.curve.write_text("".join(epoch.format(n) for n in range(1, 40_001)))
    say(folder, "its last word")
    folder.close(Result("iris-1", "failed", "it was killed"))
    events = [*follow(folder, sleep=lambda _: None)]
    assert sum(isinstance(each, Measured) for each in events) == 40_000
    assert LogLine("train", "its last word") in events
    assert isinstance(events[-1], Result)


def test_torn_and_strange_lines_are_left_out(folder: RunFolder) -> None:
    folder.append(TRAIN)
    with (folder.path / "journal.jsonl").open("a") as file:
        file.write('{"name": "x", "sta\n[1]\n')
    say(folder, "\ufffd\n")
    folder.log("train").write_bytes(b"\xff\xfe\n")
    folder.curve.write_text('{"epoch": "x"}\n3\n{"epoch": 1, "values": {"a": 1.0}}\n')
    events = Follower(folder).poll()
    assert events == [TRAIN, LogLine("train", "\ufffd\ufffd"), Measured(1, {"a": 1.0})]


def test_no_curve_is_written_where_nobody_watches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(curve.FILE, raising=False)
    curve.append([Epoch(1, {"val_loss": 1.0})])
    assert not list(tmp_path.iterdir())
