"""Jobs that are done again and again: one that fails or hangs touches no other."""

import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pytest

from pipelines import watching
from pipelines.watching import JOBS, Job
from serving.errors import PlatformError
from serving.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_env({"KANARYA_HOME": str(tmp_path)})


def refuses(settings: Settings, now: datetime) -> None:
    raise PlatformError("the disk is full:\n  free some")


def breaks(settings: Settings, now: datetime) -> None:
    raise ZeroDivisionError("by 0")


@pytest.mark.parametrize(
    ("act", "line"),
    [
        (refuses, "the disk is full: free some"),
        (breaks, rf"ZeroDivisionError: by 0 \({__file__}:\d+\)"),
        (lambda settings, now: None, ""),
    ],
)
def test_what_goes_wrong_is_one_line(settings: Settings, act: watching.Act, line: str) -> None:

    assert re.fullmatch(line, watching.attempted(Job("x", 1.0, act), settings, NOW))


def test_a_job_that_fails_or_hangs_holds_up_no_other(
    settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "END_S", 0.0)
    stop, hangs, times = Event(), Event(), []

    def counts(settings: Settings, now: datetime) -> None:
        times.append(now)
        if len(times) == 3:
            stop.set()

    jobs = (
        Job("hangs", 0.001, lambda settings, now: hangs.wait() and None),
        Job("refuses", 0.001, refuses),
        Job("counts", 0.001, counts),
    )
    with caplog.at_level(logging.INFO, "pipelines.watching"):
        watching.watch(settings, jobs, stop)
    hangs.set()
    assert times == sorted(times) and times[0].tzinfo is UTC
    assert caplog.messages == ["refuses: the disk is full: free some"]


def test_a_job_that_does_not_come_back_is_told_from_one_that_waits() -> None:
    pulse = watching.Pulse()
    with pulse.of("monitoring"):
        assert pulse.hanging(-1.0) == ["monitoring"]
        assert pulse.hanging(60.0) == []
    assert pulse.hanging(-1.0) == []


def test_the_jobs_have_names_of_their_own_and_find_nothing_in_an_empty_home(
    settings: Settings,
) -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    assert [watching.attempted(job, settings, NOW) for job in JOBS] == [""] * len(JOBS)
    assert {each.name for each in settings.home.iterdir()} <= {"alerts"}


def test_a_fault_that_goes_on_is_told_once_and_its_end_too(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    stop, said = Event(), iter([PlatformError("a"), PlatformError("a"), PlatformError("b"), None])

    def act(settings: Settings, now: datetime) -> None:
        fault = next(said)
        if fault is None:
            stop.set()
            return
        raise fault

    with caplog.at_level(logging.INFO, "pipelines.watching"):
        thread = Thread(target=watching.watch, args=(settings, [Job("x", 0.001, act)], stop))
        thread.start()
        thread.join(10)
    assert caplog.messages == ["x: a", "x: b", "x goes on"]
