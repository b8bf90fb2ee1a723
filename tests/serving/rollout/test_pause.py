"""How long a rollout waits between two looks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from serving.rollout.loop import pause
from serving.rollout.policy import Policy
from serving.rollout.state import Phase, Rollout

START = 1000.0
ROLLOUT = Rollout("id", "iris", "2", "uri", Policy(), since=START)


@pytest.mark.parametrize(
    ("phase", "after", "seconds"),
    [
        (Phase.OBSERVING, 0.0, 0.2),
        (Phase.OBSERVING, 5.0, 0.2),
        (Phase.OBSERVING, 10.0, 0.4),
        (Phase.OBSERVING, 600.0, 1.0),
        (Phase.APPROVAL, 600.0, 1.0),
        (Phase.PAUSED, 600.0, 1.0),
        (Phase.OBSERVING, -60.0, 0.2),
        (Phase.WAITING, 600.0, 0.2),
        (Phase.SHADOWING, 600.0, 0.2),
        (Phase.PROMOTING, 600.0, 0.2),
        (Phase.ROLLING_BACK, 600.0, 0.2),
    ],
)
def test_a_long_step_is_looked_at_less_often_but_never_late_by_more_than_its_share(
    phase: Phase, after: float, seconds: float
) -> None:
    assert pause(replace(ROLLOUT, phase=phase), START + after) == pytest.approx(seconds)
