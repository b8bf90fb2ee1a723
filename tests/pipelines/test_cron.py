"""Cron as people write it becomes cron as Kubeflow Pipelines reads it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.cron import following, six_fields
from serving.errors import UsageError

TAKEN = [
    ("0 2 * * *", "0 0 2 * * *", "2026-11-22 02:00:00"),
    ("30 2 * * mon-fri", "0 30 2 * * mon-fri", "2026-11-23 02:30:00"),
    ("*/15 * * * *", "0 */15 * * * *", "2026-11-21 12:15:00"),
    ("0 0 9 ? * 2-6", "0 0 9 * * 2-6", "2026-11-24 09:00:00"),
    ("0 0 * * 7", "0 0 0 * * 0", "2026-11-22 00:00:00"),
    ("0 0 * * 5-7", "0 0 0 * * 5-6,0", "2026-11-22 00:00:00"),
    ("0 0 * * 6-7", "0 0 0 * * 6,0", "2026-11-22 00:00:00"),
    ("0 0 * * 7-7", "0 0 0 * * 0", "2026-11-22 00:00:00"),
    ("0 0 * * fri-7", "0 0 0 * * 5-6,0", "2026-11-22 00:00:00"),
    ("0 0 * * 1-7/2", "0 0 0 * * 1,3,5,0", "2026-11-22 00:00:00"),
    ("0 0 * * 2,4-7/3", "0 0 0 * * 2,4,0", "2026-11-22 00:00:00"),
    ("0 0 * * 7/2", "0 0 0 * * 0", "2026-11-22 00:00:00"),
    ("0 0 * * */2", "0 0 0 * * */2", "2026-11-22 00:00:00"),
    ("0 0 1 jul wed", "0 0 0 1 jul wed", "2027-07-01 00:00:00"),
    ("10 5 4 29 2 *", "10 5 4 29 2 *", "2028-02-29 04:05:10"),
]


@pytest.mark.parametrize(("written", "sent", "first"), TAKEN, ids=lambda value: value)
def test_five_and_six_fields_become_six_with_the_seconds_first(
    written: str, sent: str, first: str
) -> None:
    assert six_fields(written) == sent
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert f"{following(sent, now, 1)[0]:%Y-%m-%d %H:%M:%S}" == first


REFUSED = [
    ("* * *", "has 3 fields"),
    ("@daily", "has 1 fields"),
    ("0 25 * * *", "the hour is not valid"),
    ("a 2 * * *", "the minute is not valid"),
    ("0 0 30 2 *", "the day of month is not valid"),
    ("0 0 L * *", "day of month 'L'"),
    ("0 0 * * fri#2", "day of week 'fri#2'"),
    ("0 0 15W * *", "day of month '15W'"),
    ("61 0 0 * * *", "the second is not valid"),
]


@pytest.mark.parametrize(("written", "words"), REFUSED, ids=lambda value: value)
def test_what_is_wrong_or_would_be_read_otherwise_is_refused(written: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        six_fields(written)
    assert repr(written) in str(refused.value)


def test_of_what_only_kubeflow_can_read_no_times_are_told() -> None:
    assert following("@every 1h", datetime.now(UTC), 3) == []
    assert following("0 0 0 L * *#2", datetime.now(UTC), 3) == []
