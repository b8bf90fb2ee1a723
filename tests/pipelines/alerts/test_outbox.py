"""What the outbox keeps, refuses and forgets."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from pipelines.alerts import database
from pipelines.alerts.alert import LONGEST, Alert, alert
from pipelines.alerts.deciding import Condition, Decided, Silence
from pipelines.alerts.outbox import GIVE_UP_S, KEEP_S, opened, path, raise_
from pipelines.alerts.rule import Severity
from pipelines.errors import AlertError
from serving.settings import Settings
from tests.pipelines.alerts.conftest import NOW

AT = NOW.timestamp()


def one(number: int = 0, sentence: str = "It fails.") -> Alert:
    labels = {"model": f"model-{number}"}
    return alert("KanaryaErrors", Severity.CRITICAL, labels, sentence, NOW)


def test_an_alert_of_one_id_is_there_once(settings: Settings) -> None:
    assert [raise_(settings, one()), raise_(settings, one()), raise_(settings, one(1))] == [
        True,
        False,
        True,
    ]
    with opened(settings) as outbox:
        assert {each.id for each in outbox.alerts(9)} == {one().id, one(1).id}


def test_a_long_sentence_is_cut() -> None:
    assert len(one(sentence="x" * 9000).sentence) == LONGEST


def test_each_receiver_gets_each_alert_once_whoever_comes_later(settings: Settings) -> None:
    raise_(settings, one())
    with opened(settings) as outbox:
        outbox.send_out(["a", "b"], AT)
        outbox.delivered("a", one().id, AT)
        outbox.send_out(["a", "b", "c"], AT)
        waiting = {name: len(outbox.waiting(name, 9)) for name in "abc"}
    assert waiting == {"a": 0, "b": 1, "c": 0}


def test_what_failed_comes_after_what_was_not_tried(settings: Settings) -> None:
    for number in range(3):
        raise_(settings, one(number))
    with opened(settings) as outbox:
        outbox.send_out(["a"], AT)
        outbox.trying("a", one().id)
        outbox.failed("a", one().id, "it answers 500", AT + 1)
        order = [each.subject for each in outbox.waiting("a", 9)]
        (standing,) = outbox.standings()
    assert order == ["model-1", "model-2", "model-0"]
    assert (standing.waiting, standing.failures, standing.error) == (3, 1, "it answers 500")


@pytest.mark.parametrize(
    ("after", "kept", "state"),
    [
        (GIVE_UP_S - 1, 1, "waiting"),
        (GIVE_UP_S + 1, 1, "given up"),
        (KEEP_S + 1, 0, ""),
    ],
)
def test_what_nobody_takes_is_given_up_and_then_forgotten(
    settings: Settings, after: float, kept: int, state: str
) -> None:
    raise_(settings, one())
    with opened(settings) as outbox:
        outbox.send_out(["a"], AT)
        outbox.send_out(["a"], AT + after)
        assert len(outbox.alerts(9)) == kept
        assert [each.state for each in outbox.deliveries(9)] == [state] * kept


def test_nobody_is_told_of_what_was_raised_in_a_silence(settings: Settings) -> None:
    with opened(settings) as outbox:
        outbox.silence(Silence("KanaryaErrors", "", AT + 60), AT)
    raise_(settings, one())
    with opened(settings) as outbox:
        outbox.send_out(["a"], AT)
        assert outbox.waiting("a", 9) == []
        outbox.silence(Silence("KanaryaErrors", "", AT), AT)
        assert outbox.silences() == [Silence("KanaryaErrors", "", AT)]
    raise_(settings, one(1))
    with opened(settings) as outbox:
        outbox.send_out(["a"], AT)
        assert [each.subject for each in outbox.waiting("a", 9)] == ["model-1"]


def test_conditions_and_their_alerts_are_kept_together(settings: Settings) -> None:
    held = Condition("KanaryaErrors", {"model": "iris"}, AT, AT, "It fails.", AT)
    with opened(settings) as outbox:
        outbox.take(Decided((held,), (one(),)))
        assert outbox.before().conditions == [held]
        with pytest.raises(AlertError):
            outbox.take(Decided((held, held), (one(1),)))  # its key is there twice
        assert (outbox.before().conditions, len(outbox.alerts(9))) == ([held], 1)


def test_the_reading_of_five_minutes_ago_is_found_or_the_oldest(settings: Settings) -> None:
    with opened(settings) as outbox:
        for after in (0.0, 100.0, 200.0):
            outbox.read("default/iris", AT + after, f"{after}")
        found = [outbox.reading("default/iris", AT + after) for after in (-50, 50, 150, 900)]
        assert [each and each[1] for each in found] == ["0.0", "0.0", "100.0", "200.0"]
        assert outbox.reading("default/boat", AT) is None
        outbox.read("default/boat", AT + 5000, "late")
        assert outbox.reading("default/iris", AT + 5000) is None


def test_a_newer_or_a_damaged_file_is_refused_in_a_sentence(settings: Settings) -> None:
    raise_(settings, one())
    file = path(settings)
    with sqlite3.connect(file) as db:
        db.execute("PRAGMA user_version = 9")
    db.close()
    with pytest.raises(AlertError, match=r"newer Kanarya \(format 9"):
        raise_(settings, one(1))
    file.write_bytes(b"no database at all, but long enough to look at" * 99)
    with pytest.raises(AlertError, match=r"outbox.db cannot be used .*move it away"):
        raise_(settings, one(1))


def test_moments_are_those_of_the_alert(settings: Settings) -> None:
    later = replace(one(), id="later", at=(NOW + timedelta(hours=1)).isoformat())
    raise_(settings, one())
    raise_(settings, later)
    with opened(settings) as outbox:
        assert [each.id for each in outbox.alerts(9)] == ["later", one().id]


def test_an_outbox_of_the_format_before_opens_with_its_silences(settings: Settings) -> None:
    file = path(settings)
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as old:
        for statement in database.SCHEMA.replace("who TEXT NOT NULL DEFAULT '', ", "").split(";"):
            old.execute(statement)
        old.execute("INSERT INTO silences VALUES ('KanaryaErrors', '', 9e9, 'known')")
        old.execute("PRAGMA user_version = 1")
    with opened(settings) as outbox:
        assert outbox.silences() == [Silence("KanaryaErrors", "", 9e9, "known")]
        outbox.silence(Silence("KanaryaErrors", "", 9e9, "known", "ayse"), AT)
    with opened(settings) as outbox:  # once more, and it is not changed again
        assert outbox.silences() == [Silence("KanaryaErrors", "", 9e9, "known", "ayse")]
