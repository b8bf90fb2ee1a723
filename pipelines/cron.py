"""When a schedule runs: cron expressions of five or six fields, as Kubeflow Pipelines takes them.

Its parser (robfig/cron, v1) has the seconds first and takes five fields for six without the day of
the week, so that `0 2 * * *` would run once an hour, at two minutes past: it always gets six. It
knows Sunday as 0, not as 7, and neither L, LW nor #.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import islice

from serving.errors import UsageError

FIELDS = ("second", "minute", "hour", "day of month", "month", "day of week")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
EXAMPLE = "write minute hour day month weekday, as in --cron '30 2 * * mon-fri'"


def six_fields(expression: str) -> str:
    """Return the expression with six fields, seconds first.

    Raises UsageError for one that is wrong, that never comes, or that Kubeflow Pipelines would
    read otherwise.
    """
    parts = expression.split()
    if len(parts) not in (5, 6):
        raise UsageError(
            f"--cron {expression!r} has {len(parts)} fields; {EXAMPLE}, with the second before "
            "them where it matters"
        )
    fields = parts if len(parts) == 6 else ["0", *parts]
    for name, field in zip(FIELDS, fields, strict=True):
        if re.search(r"[#LW]", re.sub(r"(?i)jul|wed", "", field), re.IGNORECASE):
            raise UsageError(
                f"--cron {expression!r}: {name} {field!r} has L, W or #, which Kubeflow Pipelines "
                "does not know; name the days, as in mon-fri or 1,15"
            )
    plain = " ".join(field.replace("?", "*") for field in fields)
    _checked(plain, expression)
    return " ".join([*plain.split()[:5], _weekdays(plain.split()[5])])


def following(expression: str, after: datetime, count: int) -> list[datetime]:
    """Return the next times of a schedule of six fields, in `after`'s time zone.

    Of an expression that somebody else wrote and only Kubeflow Pipelines can read there are none.
    """
    from cronsim import CronSimError

    try:
        return _times(expression, after, count) if len(expression.split()) == 6 else []
    except CronSimError:
        return []


def _times(expression: str, after: datetime, count: int) -> list[datetime]:
    from cronsim import CronSim

    return list(islice(CronSim(expression, after), count))


def _checked(plain: str, expression: str) -> None:
    from cronsim import CronSimError

    try:
        times = _times(plain, datetime.now(UTC), 1)
    except CronSimError as error:
        raise UsageError(f"--cron {expression!r}: {_sentence(str(error))}; {EXAMPLE}") from error
    if not times:  # fifty years without such a day
        raise UsageError(f"--cron {expression!r} never comes; {EXAMPLE}")


def _sentence(said: str) -> str:
    field = said.removeprefix("Bad ")
    return f"the {field.replace('-', ' ')} is not valid" if field != said else said.lower()


def _weekdays(field: str) -> str:
    """Return a day of week without 7: `7` is 0, `5-7` is `5-6,0`, `1-7/2` is `1,3,5,0`."""
    return ",".join(map(_without_seven, field.split(",")))


def _without_seven(part: str) -> str:
    if re.fullmatch(r"7(/\d+)?", part):
        return "0"
    ranged = re.fullmatch(r"(\w+)-7(?:/(\d+))?", part)
    if ranged is None:
        return part
    word, step = ranged[1].lower(), int(ranged[2] or 1)
    first = DAYS.index(word) if word in DAYS else int(word)
    if step == 1 and first < 6:
        return f"{first}-6,0"
    return ",".join(str(day % 7) for day in range(first, 8, step))
