"""What a handler takes is asked once, and is what NiceGUI itself would find."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from nicegui.helpers import expects_arguments

from console.starting import COLLECTED
from console.widgets.handlers import asked_once

pytestmark = pytest.mark.thorough  # NiceGUI, and a process of its own


class Watched:
    def plain(self) -> None: ...

    def told(self, event: object) -> None: ...

    @classmethod
    def of_the_class(cls, event: object) -> None: ...

    def __call__(self, event: object) -> None: ...


def alone(event: object) -> None: ...


@pytest.mark.parametrize(
    ("handlers", "takes", "times"),
    [
        (lambda: [Watched().plain for _ in range(3)], False, 1),
        (lambda: [Watched().told for _ in range(3)], True, 1),
        (lambda: [Watched.of_the_class for _ in range(3)], True, 1),
        (lambda: [lambda: None for _ in range(3)], False, 3),
        (lambda: [alone] * 3, True, 3),
        (lambda: [functools.partial(alone, each) for each in range(3)], False, 3),
        (lambda: [Watched()] * 3, True, 3),
        (lambda: [print] * 3, False, 3),
    ],
    ids=["method", "event", "class", "lambda", "function", "partial", "object", "builtin"],
)
def test_what_a_handler_takes_is_asked_once_for_a_method_and_answered_as_by_nicegui(
    handlers: Callable[[], list[Callable[..., Any]]], takes: bool, times: int
) -> None:
    asked: list[object] = []

    def nicegui(handler: Callable[..., Any]) -> bool:
        asked.append(handler)
        return expects_arguments(handler)

    ask = asked_once(nicegui)
    assert [ask(each) for each in handlers()] == [takes] * 3
    assert len(asked) == times


def test_methods_of_the_same_name_are_not_taken_for_each_other() -> None:
    def both(first: bool) -> Callable[..., Any]:
        def told(self: object, event: object = None) -> None: ...

        def untold(self: object, event: object) -> None: ...

        return type("Made", (), {"told": told if first else untold})().told  # type: ignore[no-any-return]

    ask = asked_once(expects_arguments)
    assert [ask(both(first)) for first in (True, False, True)] == [False, True, False]


ASKED = """
import gc
from console.starting import quick_imports
with quick_imports():
    from nicegui import observables
    from console.widgets.handlers import quick_elements
quick_elements()
print(*gc.get_threshold(), gc.isenabled())
print(observables.helpers.expects_arguments.__qualname__)
"""


def test_the_collector_comes_seldom_and_elements_ask_what_is_remembered() -> None:
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True)
    expected = f"{' '.join(map(str, COLLECTED))} True\nasked_once.<locals>.remembered\n"
    assert done.stdout == expected
