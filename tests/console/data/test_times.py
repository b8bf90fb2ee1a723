"""How pages say durations."""

from __future__ import annotations

import pytest

from console.data import times


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (60, "1 min 00 s"),
        (3599.7, "1 h 00 min"),
        (7380, "2 h 03 min"),
    ],
)
def test_a_duration_is_told_in_units_that_fit(seconds: float, said: str) -> None:
    assert times.duration(seconds) == said
