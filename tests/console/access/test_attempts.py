"""How often a login may fail."""

from __future__ import annotations

from console.access.attempts import LARGEST, MOST, WINDOW_S, Attempts

KEYS = ("from 10.0.0.1", "as ayse")


def test_the_sixth_attempt_of_a_minute_has_to_wait() -> None:
    attempts = Attempts()
    for second in range(MOST):
        assert attempts.wait_s(KEYS, second) == 0
        attempts.fail(KEYS, second)
    assert attempts.wait_s(KEYS, MOST) == WINDOW_S - MOST
    assert attempts.wait_s(("from 10.0.0.2", "as ayse"), MOST) == WINDOW_S - MOST
    assert attempts.wait_s(("from 10.0.0.2", "as fatma"), MOST) == 0
    assert attempts.wait_s(KEYS, WINDOW_S) == 0


def test_who_gets_in_begins_anew() -> None:
    attempts = Attempts()
    for _ in range(MOST):
        attempts.fail(KEYS, 0)
    attempts.succeed(KEYS)
    assert attempts.wait_s(KEYS, 1) == 0


def test_a_flood_of_addresses_does_not_fill_the_memory() -> None:
    attempts = Attempts()
    for number in range(LARGEST + 10):
        attempts.fail((f"from {number}",), 0)
    assert len(attempts.failed) == LARGEST
