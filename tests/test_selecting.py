"""What `-m` cannot ask of a file is not imported; what it can is."""

import pytest

from tests.selecting import may_hold

FAST = "not (kfp or e2e or slow)"
WHOLE = "(kfp or e2e) and not (docker or slow)"
PLAIN = "def test_a(): ..."
SOME = "@pytest.mark.e2e\ndef test_a(): ...\n\n\ndef test_b(): ..."
PARTLY_SLOW = "pytestmark = pytest.mark.e2e\n\n\n@pytest.mark.slow\ndef test_a(): ..."
ALL = "pytestmark = pytest.mark.e2e  # real processes\n\n\ndef test_a(): ..."
ALL_SLOW = "pytestmark = [\n    pytest.mark.e2e,\n    pytest.mark.slow,\n]\n\n\ndef test_a(): ..."
TIMED = "pytestmark = pytest.mark.timeout(9)\n\n\ndef test_a(): ..."


@pytest.mark.parametrize(
    ("text", "fast", "whole"),
    [
        (PLAIN, True, False),
        (SOME, True, True),
        (ALL, False, True),
        (PARTLY_SLOW, False, True),
        (ALL_SLOW, False, False),
        (TIMED, True, False),
    ],
    ids=["plain", "some", "all", "partly slow", "all slow", "timed"],
)
def test_a_file_is_looked_into_where_it_may_hold_what_is_asked_for(
    text: str, fast: bool, whole: bool
) -> None:
    assert (may_hold(FAST, text), may_hold(WHOLE, text)) == (fast, whole)
