"""What was live, and what goes before it: stories of promotions and ways back, as tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from serving.rollout.live import back, ever_live, standing
from serving.rollout.record import FIRST, Entry, Model, Record

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def model(version: str) -> Model:
    return Model(version, f"file:///models/iris/{version}")


def told(story: str) -> list[Record]:
    """Return records, a minute apart, of "1>2+" and the like: from, to, and how it ended.

    `+` promoted, `-` rolled back, `u` gone back to, `%` at 10 %, `h` held, `x` conflict.
    """
    kinds = {"+": "promoted", "-": "rolled_back", "u": "promoted", "%": "split", "h": "held"}
    records: list[Record] = []
    for word in story.split():
        (before, to), how = word[:-1].split(">"), word[-1]
        entry = Entry(
            "iris",
            kinds.get(how, "conflict"),
            f"r{to}",
            model(to),
            model(before) if before else None,
            percent=10,
            undo=how == "u",
        )
        at = START + timedelta(minutes=len(records))
        records.append(Record(len(records) + 1, FIRST, at, "test", "ada@laptop", entry))
    return records


@pytest.mark.parametrize(
    ("story", "live", "older"),
    [
        ("", None, []),
        (">1+", "1", []),
        (">1-", None, []),
        (">1%", None, []),
        (">1+ 1>2+ 2>3+", "3", ["2", "1"]),
        (">1+ 1>2% 1>2-", "1", []),
        (">1+ 1>2+ 2>3-", "2", ["1"]),
        (">1+ 1>2+ 2>3+ 2>3-", "2", ["1"]),
        (">1+ 1>2+ 2>3+ 3>1u", "1", []),
        (">1+ 1>2+ 2>3+ 2>3- 2>1u", "1", []),
        (">1+ 1>2+ 2>3+ 3>1u 1>3u", "3", ["2", "1"]),
        (">1+ 1>2+ 2>3+ 3>1u 3>1-", "3", ["2", "1"]),
        (">1+ 1>2+ 2>3+ 3>1u 1>4+", "4", ["1"]),
        (">1+ 1>2+ 2>3+ 3>1+", "1", ["3", "2", "1"]),
        (">1+ 1>2+ 2>1u 1>2u", "2", ["1"]),
        (">1+ 1>2x", "1", []),
        ("5>6+", "6", ["5"]),
        ("5>6-", "5", []),
        ("5>6%", "5", []),
        (">1+ mine>2+", "2", ["mine", "1"]),
        (">1+ 1>2+ 1>2+", "2", ["1"]),
    ],
)
def test_a_history_has_one_that_is_live_and_those_before_it(
    story: str, live: str | None, older: list[str]
) -> None:
    found = standing(told(story)).live
    assert (found.model.version if found else None) == live
    assert [each.model.version for each in found.older()] == older if found else older == []
    for levels, version in enumerate(older, start=1):
        assert back(told(story), levels) == model(version)
    assert back(told(story), len(older) + 1) is None
    assert back(told(story), 0) is None


STORY = ">1+ 1>2% 1>2+ 2>3% 2>3h 2>3- 2>1u"


@pytest.mark.parametrize(
    ("minutes", "live", "beside"),
    [
        (-0.001, None, None),
        (0, "1", None),
        (0.999, "1", None),
        (1, "1", "2"),
        (1.999, "1", "2"),
        (2, "2", None),
        (3, "2", "3"),
        (4.5, "2", "3"),
        (5, "2", None),
        (5.999, "2", None),
        (6, "1", None),
        (10**6, "1", None),
    ],
)
def test_at_every_moment_one_is_live_and_a_record_counts_from_its_own_moment(
    minutes: float, live: str | None, beside: str | None
) -> None:
    found = standing(told(STORY), START + timedelta(minutes=minutes))
    assert (found.live.model.version if found.live else None) == live
    assert (found.beside.entry.to.version if found.beside else None) == beside


def test_every_version_that_was_live_is_known_once_the_latest_first() -> None:
    found = ever_live(told(">1+ 1>2+ 2>3- 2>4+ 4>1u"))
    assert [each.version for each in found] == ["1", "4", "2"]
